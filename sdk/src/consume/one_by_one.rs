//! One run of a handler on one record.

use std::{pin::pin, time::Instant};

use tracing::Instrument as _;

use super::{
    Begun, Context, Failure, Ledger, OrReject as _, Scope, Unit,
    engine::{Engine, Opened, Outcome, Ran},
    letters,
    routes::{DeletionRoute, EachRoute, Routes, Timed, of_type},
};
use crate::{
    EventId,
    codec::{Schema, headers::MetaOf},
    faults,
    record::InRecord,
    trace,
};

/// What a run on a record is told beside it.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) attempt: u32,
    pub(super) is_redriven: bool,
    pub(super) ledger: Option<&'a Ledger>,
}

impl<S: Scope> Engine<S> {
    /// One run on one record.
    pub(super) async fn attempt(&self, record: &InRecord, run: Run<'_>) -> Result<Ran, Failure> {
        let Routes::Each { by_type, deletions } = &self.routes else {
            return Err(Failure::reject("a batch consumer has no single-record handlers"));
        };
        if run.is_redriven && letters::is_discarded(record) {
            return Ok(Outcome::Discarded.into());
        }
        let opened = self.open(record, run.attempt).await?;
        let handling = match &opened {
            Opened::Foreign => return Ok(self.skip(record, run).await?.into()),
            Opened::Deletion { key } => match deletions.get(&*record.at().partition.topic) {
                None => return Ok(self.skip(record, run).await?.into()),
                Some(route) => EachWork::Deletion(route, key),
            },
            Opened::Event { schema, datum } => {
                let route = of_type(by_type, schema.name()).or_reject("no handler for its type")?;
                EachWork::Event(route, schema, datum)
            }
        };
        let meta = MetaOf::of(record);
        let span = trace::of_record(&self.group, record.at(), &meta, run.attempt);
        pin!(self.work(record, &meta, handling, run)).instrument(span).await
    }

    async fn work(
        &self,
        record: &InRecord,
        meta: &MetaOf<'_>,
        handling: EachWork<'_, S>,
        run: Run<'_>,
    ) -> Result<Ran, Failure> {
        let at = record.at();
        let offsets = [at.offset];
        let id = S::KNOWS_EVENTS.then(|| meta.get().id);
        let unit = self.unit(record, &offsets, id.as_slice(), run);
        let tx = match self.scope.begin(&unit).await? {
            Begun::Repeat => return Ok(Outcome::Repeat.into()),
            Begun::Fresh(tx) => tx,
        };
        let mut cx = Context {
            tx,
            meta,
            at,
            group: &self.group,
            attempt: run.attempt,
            encoders: self.encoders.as_ref(),
            emitted: Vec::new(),
        };
        let began = Instant::now();
        let (handled, seconds) = match handling {
            EachWork::Event(Timed { route, seconds }, schema, datum) => {
                (route.handle(&mut cx, schema, datum).await, seconds)
            }
            EachWork::Deletion(Timed { route, seconds }, key) => {
                (route.handle(&mut cx, key).await, seconds)
            }
        };
        seconds.record(began.elapsed());
        handled?;
        let Context { tx, emitted, .. } = cx;
        let outcome = if run.is_redriven { Outcome::Redriven } else { Outcome::Done };
        if S::HANDS_OVER {
            self.unwritable.look(at)?;
            return Ok(Ran { outcome, emitted });
        }
        self.scope.commit(tx, &unit, emitted).await?;
        faults::effect_done(record);
        Ok(outcome.into())
    }

    async fn skip(&self, record: &InRecord, run: Run<'_>) -> Result<Outcome, Failure> {
        self.pass(record, run).await?;
        Ok(Outcome::Skipped)
    }

    /// Moves past a record without an effect.
    pub(super) async fn pass(&self, record: &InRecord, run: Run<'_>) -> Result<(), Failure> {
        self.scope.pass(&self.unit(record, &[record.at().offset], &[], run)).await
    }

    fn unit<'a>(
        &'a self,
        record: &'a InRecord,
        offsets: &'a [i64],
        events: &'a [EventId],
        run: Run<'a>,
    ) -> Unit<'a> {
        let Run { ledger, is_redriven, .. } = run;
        let partition = &record.at().partition;
        Unit { group: &self.group, partition, offsets, events, ledger, is_redriven }
    }
}

enum EachWork<'a, S: Scope> {
    Event(&'a Timed<dyn EachRoute<S>>, &'a Schema, &'a [u8]),
    Deletion(&'a Timed<dyn DeletionRoute<S>>, &'a str),
}
