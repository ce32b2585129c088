//! Many records of a partition at a time; one that is rejected is cut out of its batch.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio_util::sync::CancellationToken;

use super::{
    BatchContext, Begun, Failure, Scope,
    counters::Counters,
    engine::{Ended, Engine, Opened, Outcome, Tried, panic_text},
    routes::{BatchRoute, DecodedBatch},
};
use crate::{
    EventId,
    record::{InRecord, TopicPartition},
};

impl<S: Scope> Engine<S> {
    /// Does these records as one batch, cut where a record has to be left out.
    pub(super) async fn batch(
        &self,
        route: &dyn BatchRoute<S>,
        partition: &TopicPartition,
        records: &[InRecord],
        counters: &Counters,
        stop: &CancellationToken,
        done: impl Fn(i64),
    ) -> Result<(), Ended> {
        let mut batch = Gathered::new(route.begin());
        for record in records {
            if stop.is_cancelled() {
                return Err(Ended::Interrupted);
            }
            let offset = record.at().offset;
            let opened = self.persist(record, stop, |attempt| self.open(record, attempt)).await?;
            let error = match opened {
                Tried::Done(Opened::Event { schema, datum, meta }) => {
                    let id = meta.id;
                    let at = record.at().clone();
                    // Decoding runs the types' own code.
                    let added = catch_unwind(AssertUnwindSafe(|| {
                        batch.events.add(&schema, datum, meta, at)
                    }));
                    match added.unwrap_or_else(|panic| {
                        Err(Failure::reject(format_args!("panicked: {}", panic_text(&*panic))))
                    }) {
                        Ok(()) => {
                            batch.ids.push(id);
                            batch.records.push(record);
                            None
                        }
                        Err(failure) => Some((failure.to_string(), 1)),
                    }
                }
                Tried::Done(Opened::Deletion { .. } | Opened::Foreign) => {
                    batch.passed.get_or_insert(record);
                    counters.count(Outcome::Skipped);
                    None
                }
                Tried::GivenUp { error, attempts } => Some((error, attempts)),
            };
            if let Some((error, attempts)) = error {
                self.finish(&batch, partition, offset, counters, stop).await?;
                batch = Gathered::new(route.begin());
                self.dead_letter(record, &error, attempts, offset + 1, counters, stop).await?;
                done(offset + 1);
            }
        }
        if let Some(last) = records.last() {
            let next = last.at().offset + 1;
            self.finish(&batch, partition, next, counters, stop).await?;
            done(next);
        }
        Ok(())
    }

    /// Brings a gathered batch to its end: whole, or where a record of it is rejected, one by one.
    async fn finish(
        &self,
        batch: &Gathered<'_, S>,
        partition: &TopicPartition,
        next: i64,
        counters: &Counters,
        stop: &CancellationToken,
    ) -> Result<(), Ended> {
        let count = batch.records.len();
        let Some(first) = batch.records.first() else {
            return Ok(());
        };
        let whole = self
            .persist(first, stop, |attempt| {
                self.attempt_batch(batch, partition, 0..count, next, attempt)
            })
            .await?;
        let (error, attempts) = match whole {
            Tried::Done(outcome) => {
                batch.records.iter().for_each(|_| counters.count(outcome));
                return Ok(());
            }
            Tried::GivenUp { error, attempts } => (error, attempts),
        };
        if count == 1 {
            return self.dead_letter(first, &error, attempts, next, counters, stop).await;
        }
        for (i, record) in batch.records.iter().enumerate() {
            let next = batch.records.get(i + 1).map_or(next, |r| r.at().offset);
            let alone = self
                .persist(record, stop, |attempt| {
                    self.attempt_batch(batch, partition, i..i + 1, next, attempt)
                })
                .await?;
            match alone {
                Tried::Done(outcome) => counters.count(outcome),
                Tried::GivenUp { error, attempts } => {
                    self.dead_letter(record, &error, attempts, next, counters, stop).await?;
                }
            }
        }
        Ok(())
    }

    /// One run on some of a batch's events.
    async fn attempt_batch(
        &self,
        batch: &Gathered<'_, S>,
        partition: &TopicPartition,
        range: std::ops::Range<usize>,
        next: i64,
        attempt: u32,
    ) -> Result<Outcome, Failure> {
        let first = batch.records[range.start].at().offset;
        let unit = self.unit(partition, first, next, &batch.ids[range.clone()]);
        let tx = match self.scope.begin(&unit).await? {
            Begun::Repeat => return Ok(Outcome::Repeat),
            Begun::Fresh(tx) => tx,
        };
        let mut cx = BatchContext { tx, group: &self.group, attempt };
        batch.events.handle(&mut cx, range).await?;
        self.scope.commit(cx.tx, &unit, Vec::new()).await?;
        Ok(Outcome::Done)
    }
}

/// Events of a batch with the records they came in.
struct Gathered<'a, S: Scope> {
    events: Box<dyn DecodedBatch<S> + 'a>,
    ids: Vec<EventId>,
    records: Vec<&'a InRecord>,
    /// The first record that is nobody's.
    passed: Option<&'a InRecord>,
}

impl<'a, S: Scope> Gathered<'a, S> {
    fn new(events: Box<dyn DecodedBatch<S> + 'a>) -> Self {
        Self { events, ids: Vec::new(), records: Vec::new(), passed: None }
    }
}
