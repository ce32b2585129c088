//! Where other topics ended when an order was first tried alone: it waits for those ends, however far they
//! move meanwhile.

use orderly_sdk::{
    EventId,
    consume::{Failure, Remembered},
    kafka::KafkaError,
};

/// Ends that orders wait for at once. Forgotten, an order only waits for a later end.
const MOST_WAITING: usize = 8_192;

/// By order's event and partition of one topic.
pub(crate) struct FirstEnds(Remembered<(EventId, i32), i64>);

impl FirstEnds {
    pub(crate) fn none() -> Self {
        Self(Remembered::at_most(MOST_WAITING))
    }

    /// The end that an order waits for in a partition: what `ask` says at its first try `alone`, or each
    /// time where it is tried with others.
    pub(crate) async fn of<F: Future<Output = Result<i64, KafkaError>>>(
        &self,
        alone: Option<EventId>,
        partition: i32,
        ask: impl FnOnce() -> F,
    ) -> Result<i64, Failure> {
        if let Some(end) = alone.and_then(|event| self.0.get((event, partition))) {
            return Ok(end);
        }
        // That the cluster can't be asked is never the record's fault.
        let end = ask().await.map_err(|e| Failure::unavailable("kafka", e))?;
        Ok(alone.map_or(end, |event| self.0.keep((event, partition), end)))
    }
}
