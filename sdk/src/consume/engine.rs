//! One record or batch to its end: opened, decoded, handled, tried again, dead-lettered; whatever
//! it takes until the offset may move.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

use super::{
    ConsumeError, Decision, Exhausted, Failure, OrReject as _, RetryPolicy, Scope, Start, Unit,
    counters::Counters, dead_letters::DeadLetters, routes::Routes,
};
use crate::{
    EventId, Health, Meta,
    codec::{Encoders, Registry, RegistryError, Schema, frame, headers},
    faults,
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
    pub(super) dead_letters: DeadLetters,
    pub(super) jitter: AtomicU64,
    pub(super) health: Health,
}

/// Times that the registry is asked for a schema that it doesn't have.
const MOST_LOOKUPS: u32 = 5;
/// Longest that a store may take to say where to begin; then it counts as away.
const LONGEST_QUESTION: Duration = Duration::from_secs(10);
/// Longest wait between two looks for a fact that another topic brings.
const MOST_NOT_YET: Duration = Duration::from_millis(100);

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
        meta: Meta,
    },
    Deletion {
        key: &'a str,
        meta: Meta,
    },
    /// Of a type that nobody here handles.
    Foreign,
}

impl<S: Scope> Engine<S> {
    /// Does these records of one partition in order. `done` hears of every offset up to which all
    /// is done.
    pub(super) async fn work(
        &self,
        partition: &TopicPartition,
        records: &[InRecord],
        counters: &Counters,
        stop: &CancellationToken,
        done: impl Fn(i64),
    ) -> Result<(), Ended> {
        match &self.routes {
            Routes::Each { .. } => {
                for record in records {
                    if stop.is_cancelled() {
                        return Err(Ended::Interrupted);
                    }
                    faults::offset_first(record, &done).await;
                    self.one(record, counters, stop).await?;
                    done(record.at().offset + 1);
                }
                Ok(())
            }
            Routes::Batch { route, .. } => {
                self.batch(&**route, partition, records, counters, stop, done).await
            }
        }
    }

    /// Where the store keeps the position, from there; else Kafka's committed offset.
    pub(super) async fn start(&self, partition: &TopicPartition) -> Result<Start, Failure> {
        self.scope.start(&self.group, partition).await
    }

    /// The same, asked until a store that is away is back. Backs off in between.
    pub(super) async fn find_start(
        &self,
        partition: &TopicPartition,
        stop: &CancellationToken,
    ) -> Result<Start, Ended> {
        let (mut away, mut in_a_row) = (None, 0_u32);
        loop {
            let asking = tokio::time::timeout(LONGEST_QUESTION, self.start(partition));
            let asked = tokio::select! {
                () = stop.cancelled() => return Err(Ended::Interrupted),
                asked = asking => asked,
            };
            let failure = match asked {
                Ok(Ok(start)) => return Ok(start),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::unavailable("database", "it doesn't say where to begin"),
            };
            let Decision::Unavailable(part) = failure.decision() else {
                return Err(Ended::Stopped(ConsumeError::NoStart {
                    group: self.group.to_string(),
                    partition: partition.clone(),
                    why: failure.to_string(),
                }));
            };
            in_a_row = in_a_row.saturating_add(1);
            if in_a_row.is_power_of_two() {
                tracing::warn!(
                    group = %self.group, %partition, part, error = %failure, in_a_row,
                    "waits for a part that is away before it begins"
                );
            }
            let told = self.health.away(part, &failure.to_string());
            drop(away.replace(told));
            tokio::select! {
                () = stop.cancelled() => return Err(Ended::Interrupted),
                () = tokio::time::sleep(self.retry.backoff(in_a_row, self.random())) => {}
            }
        }
    }

    /// Tries until it is done, rejected, exhausted or stopped. Backs off in between.
    pub(super) async fn persist<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        record: &InRecord,
        stop: &CancellationToken,
        mut run: impl FnMut(u32) -> F,
    ) -> Result<Tried<T>, Ended> {
        let (mut attempts, mut in_a_row) = (0, 0);
        // Says that a part is away for as long as this waits for it.
        let mut away = None;
        loop {
            let ran = AssertUnwindSafe(run(attempts + 1)).catch_unwind().await;
            let failure = match ran {
                Ok(Ok(done)) => return Ok(Tried::Done(done)),
                Ok(Err(failure)) => failure,
                Err(panic) => Failure::retry(format_args!("panicked: {}", panic_text(&*panic))),
            };
            in_a_row += 1;
            let at = record.at();
            let told = match failure.decision() {
                Decision::Unavailable(part) => Some(self.health.away(part, &failure.to_string())),
                _ => None,
            };
            drop(std::mem::replace(&mut away, told));
            match failure.decision() {
                Decision::Reject => {
                    let error = failure.to_string();
                    return Ok(Tried::GivenUp { error, attempts: attempts + 1 });
                }
                Decision::Retry => {
                    attempts += 1;
                    if attempts >= self.retry.attempts {
                        let error = failure.to_string();
                        return match self.retry.exhausted {
                            Exhausted::Skip => Ok(Tried::GivenUp { error, attempts }),
                            Exhausted::Stop => Err(Ended::Stopped(ConsumeError::Exhausted {
                                group: self.group.to_string(),
                                at: at.clone(),
                                attempts,
                                error,
                            })),
                        };
                    }
                    metrics::counter!("orderly_retries_total", "group" => self.group.to_string())
                        .increment(1);
                    tracing::warn!(group = %self.group, %at, attempts, error = %failure, "tried again");
                }
                Decision::NotYet => {
                    tracing::debug!(group = %self.group, %at, fact = %failure, "not yet");
                }
                Decision::Unavailable(part) => {
                    metrics::counter!(
                        "orderly_unavailable_total",
                        "group" => self.group.to_string(), "part" => *part
                    )
                    .increment(1);
                    // Once per outage and then ever more rarely.
                    if u32::is_power_of_two(in_a_row) {
                        tracing::warn!(
                            group = %self.group, %at, part, error = %failure, in_a_row,
                            "waits for a part that is away"
                        );
                    }
                }
            }
            let backoff = self.retry.backoff(in_a_row, self.random());
            let backoff = match failure.decision() {
                Decision::NotYet => backoff.min(MOST_NOT_YET),
                _ => backoff,
            };
            tokio::select! {
                () = stop.cancelled() => return Err(Ended::Interrupted),
                () = tokio::time::sleep(backoff) => {}
            }
        }
    }

    /// Puts a record among the dead letters, whatever it takes, and moves past it.
    pub(super) async fn dead_letter(
        &self,
        record: &InRecord,
        error: &str,
        attempts: u32,
        next: i64,
        counters: &Counters,
        stop: &CancellationToken,
    ) -> Result<(), Ended> {
        let at = record.at();
        tracing::error!(group = %self.group, %at, attempts, error, "to the dead letters");
        self.insist(record, stop, || self.dead_letters.put(record, error, attempts)).await?;
        let unit = self.unit(&at.partition, at.offset, next, &[]);
        self.insist(record, stop, || self.scope.pass(&unit)).await?;
        counters.count(Outcome::DeadLettered);
        Ok(())
    }

    /// As [`persist`](Self::persist) for what may not be given up: then the consumer stops.
    pub(super) async fn insist<F: Future<Output = Result<(), Failure>>>(
        &self,
        record: &InRecord,
        stop: &CancellationToken,
        mut run: impl FnMut() -> F,
    ) -> Result<(), Ended> {
        match self.persist(record, stop, |_| run()).await? {
            Tried::Done(()) => Ok(()),
            Tried::GivenUp { error, attempts } => Err(Ended::Stopped(ConsumeError::Exhausted {
                group: self.group.to_string(),
                at: record.at().clone(),
                attempts,
                error,
            })),
        }
    }

    /// Looks into a record: its type, schema and meta.
    pub(super) async fn open<'r>(
        &self,
        record: &'r InRecord,
        attempt: u32,
    ) -> Result<Opened<'r>, Failure> {
        let said = record.header_str(headers::TYPE);
        let Some(payload) = record.payload() else {
            let key = record.key().and_then(|key| std::str::from_utf8(key).ok());
            let key = key.or_reject("a deletion without a readable key")?;
            return Ok(Opened::Deletion { key, meta: headers::read(record) });
        };
        if said.is_some_and(|said| !self.routes.takes(said)) {
            return Ok(Opened::Foreign);
        }
        let (id, datum) = frame::split(payload).or_reject("undecodable")?;
        let schema = match self.registry.cached(id) {
            Some(schema) => schema,
            None => match self.registry.schema(id).await {
                Err(e @ RegistryError::Unusable { .. }) => return Err(Failure::reject(e)),
                // It may be on its way from another replica of the registry; but not for ever.
                Err(e @ RegistryError::NotFound { .. })
                    if attempt >= self.retry.attempts.min(MOST_LOOKUPS) =>
                {
                    return Err(Failure::reject(e));
                }
                other => other?,
            },
        };
        match said {
            Some(said) if said != schema.name() => Err(Failure::reject(format_args!(
                "undecodable: its ce_type is {said}, its schema {id} is of {}",
                schema.name()
            ))),
            None if !self.routes.takes(schema.name()) => Ok(Opened::Foreign),
            _ => Ok(Opened::Event { schema, datum, meta: headers::read(record) }),
        }
    }

    pub(super) fn unit<'a>(
        &'a self,
        partition: &'a TopicPartition,
        first: i64,
        next: i64,
        events: &'a [EventId],
    ) -> Unit<'a> {
        Unit { group: &self.group, partition, first, next, events }
    }

    /// Spreads retries; nothing rests on its quality (Weyl sequence with a mixing step).
    fn random(&self) -> u64 {
        let mut x = self.jitter.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        x ^= x >> 32;
        x.wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 16
    }
}

/// What became of a record; each is counted, so that none disappears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// Its effect was there already.
    Repeat,
    /// Of a type that this consumer doesn't handle.
    Skipped,
    DeadLettered,
}

/// How trying ended.
pub(super) enum Tried<T> {
    Done(T),
    GivenUp { error: String, attempts: u32 },
}

pub(super) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no text)")
}
