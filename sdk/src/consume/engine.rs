//! What a consumer's partitions share: how a record is looked into, and what is insisted on.

use std::{any::Any, fmt, future::Future, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    ConsumeError, Decision, Failure, OrReject as _, RetryPolicy, Scope, Start, letters::Letters,
    routes::Routes, unwritable::Unwritable,
};
use crate::{
    EventId, Health, OutRecord,
    codec::{Encoders, Registry, RegistryError, Schema, frame, headers},
    kafka::Probe,
    record::{InRecord, TopicPartition},
};

/// What a consumer's partitions share.
pub(super) struct Engine<S: Scope> {
    pub(super) group: Arc<str>,
    pub(super) scope: S,
    pub(super) routes: Routes<S>,
    pub(super) registry: Registry,
    pub(super) encoders: Option<Encoders>,
    pub(super) retry: RetryPolicy,
    pub(super) letters: Letters,
    pub(super) health: Health,
    /// Asks the brokers what no member can know.
    pub(super) probe: Probe,
    /// Of exactly-once members: what couldn't be written.
    pub(super) unwritable: Unwritable,
}

/// Times that the registry is asked for a schema that it doesn't have.
const MOST_LOOKUPS: u32 = 5;
/// Longest that a store may take to say where to begin; then it counts as away.
const LONGEST_QUESTION: Duration = Duration::from_secs(10);

/// Why a unit wasn't brought to its end.
pub(super) enum Ended {
    /// The partition goes to somebody else or the consumer stops: the unit is left to whoever has
    /// the partition next.
    Interrupted,
    /// The consumer can't go on.
    Stopped(ConsumeError),
}

/// A record, looked into.
pub(super) enum Opened<'a> {
    Event {
        schema: Arc<Schema>,
        datum: &'a [u8],
    },
    Deletion {
        key: &'a str,
    },
    /// Of a type that nobody here handles.
    Foreign,
}

impl<S: Scope> Engine<S> {
    /// Where the store keeps the position, from there; else Kafka's committed offset.
    pub(super) async fn find_start(
        &self,
        partition: &TopicPartition,
        stop: &CancellationToken,
    ) -> Result<Start, Ended> {
        let ask = || async {
            let asking = self.scope.start(&self.group, partition);
            tokio::time::timeout(LONGEST_QUESTION, asking).await.unwrap_or_else(|_| {
                Err(Failure::unavailable("database", "it doesn't say where to begin"))
            })
        };
        self.insist(&format!("finding where {partition} begins"), stop, ask).await
    }

    /// Runs what may not be given up until it goes; backs off in between. A failure that isn't a
    /// part's absence ends it after as many runs as a record has.
    pub(super) async fn insist<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        what: &(dyn fmt::Display + Sync),
        stop: &CancellationToken,
        mut run: impl FnMut() -> F,
    ) -> Result<T, Ended> {
        let (mut away, mut in_a_row) = (None, 0_u32);
        loop {
            let ran = stop.run_until_cancelled(run()).await.ok_or(Ended::Interrupted)?;
            let failure = match ran {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            in_a_row = in_a_row.saturating_add(1);
            let told = match failure.decision() {
                Decision::Unavailable(part) => Some(self.health.away(part, &failure.to_string())),
                _ if in_a_row >= self.retry.attempts => {
                    return Err(Ended::Stopped(ConsumeError::Impossible {
                        group: self.group.to_string(),
                        what: what.to_string(),
                        why: failure.to_string(),
                    }));
                }
                _ => None,
            };
            drop(std::mem::replace(&mut away, told));
            if in_a_row.is_power_of_two() {
                tracing::warn!(group = %self.group, error = %failure, in_a_row, "waits: {what}");
            }
            // Spreads retries; nothing rests on how random it is.
            let random = EventId::new().as_uuid().as_u64_pair().1;
            let waiting = tokio::time::sleep(self.retry.backoff(in_a_row, random));
            stop.run_until_cancelled(waiting).await.ok_or(Ended::Interrupted)?;
        }
    }

    /// Looks into a record: its type and schema. The schema's word counts; what the headers say is
    /// looked at where that isn't known yet, or nobody's here.
    pub(super) async fn open<'r>(
        &self,
        record: &'r InRecord,
        attempt: u32,
    ) -> Result<Opened<'r>, Failure> {
        let Some(payload) = record.payload() else {
            let key = record.key().and_then(|key| std::str::from_utf8(key).ok());
            let key = key.or_reject("a deletion without a readable key")?;
            return Ok(Opened::Deletion { key });
        };
        let framed = frame::split(payload);
        if let Ok((id, datum)) = framed
            && let Some(schema) = self.registry.cached(id)
            && self.routes.takes(schema.name())
        {
            return Ok(Opened::Event { schema, datum });
        }
        let said = record.header_str(headers::TYPE);
        if said.is_some_and(|said| !self.routes.takes(said)) {
            return Ok(Opened::Foreign);
        }
        let (id, datum) = framed.or_reject("undecodable")?;
        // Seldom, and large: what every record is done in is to stay small.
        let schema = Box::pin(self.schema(id, attempt)).await?;
        match said {
            Some(said) if said != schema.name() => Err(Failure::reject(format_args!(
                "undecodable: its ce_type is {said}, its schema {id} is of {}",
                schema.name()
            ))),
            None if !self.routes.takes(schema.name()) => Ok(Opened::Foreign),
            _ => Ok(Opened::Event { schema, datum }),
        }
    }

    async fn schema(&self, id: u32, attempt: u32) -> Result<Arc<Schema>, Failure> {
        match self.registry.schema(id).await {
            Err(e @ RegistryError::Unusable { .. }) => Err(Failure::reject(e)),
            // It may be on its way from another replica of the registry; but not for ever.
            Err(e @ RegistryError::NotFound { .. })
                if attempt >= self.retry.attempts.min(MOST_LOOKUPS) =>
            {
                Err(Failure::reject(e))
            }
            other => Ok(other?),
        }
    }
}

/// What a run on a record came to.
pub(super) struct Ran {
    pub(super) outcome: Outcome,
    /// What its handler emits, where the member's transaction is to send it.
    pub(super) emitted: Vec<OutRecord>,
}

impl From<Outcome> for Ran {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, emitted: Vec::new() }
    }
}

/// What became of a record; each is counted, so that none disappears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// Its effect was there already, or it had been done before a restart.
    Repeat,
    /// Of a type that this consumer doesn't handle.
    Skipped,
    DeadLettered,
    /// A redriven one: it was counted as a dead letter before.
    Redriven,
    /// One to be redriven, whose source was deleted.
    Discarded,
}

pub(super) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no text)")
}
