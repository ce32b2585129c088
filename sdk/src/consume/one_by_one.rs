//! Records one after the other, each to the handler of its type.

use tokio_util::sync::CancellationToken;

use super::{
    Begun, Context, Failure, OrReject as _, Scope,
    counters::Counters,
    engine::{Ended, Engine, Opened, Outcome, Tried},
    routes::{DeletionRoute, EachRoute, Routes},
};
use crate::{codec::Schema, faults, record::InRecord};

impl<S: Scope> Engine<S> {
    /// Does one record, whatever it takes.
    pub(super) async fn one(
        &self,
        record: &InRecord,
        counters: &Counters,
        stop: &CancellationToken,
    ) -> Result<(), Ended> {
        let tried = self.persist(record, stop, |attempt| self.attempt(record, attempt)).await?;
        match tried {
            Tried::Done(outcome) => counters.count(outcome),
            Tried::GivenUp { error, attempts } => {
                self.dead_letter(record, &error, attempts, record.at().offset + 1, counters, stop)
                    .await?;
            }
        }
        Ok(())
    }

    /// One run on one record.
    async fn attempt(&self, record: &InRecord, attempt: u32) -> Result<Outcome, Failure> {
        let Routes::Each { by_type, deletions } = &self.routes else {
            return Err(Failure::reject("a batch consumer has no single-record handlers"));
        };
        let opened = self.open(record, attempt).await?;
        let (meta, handling) = match &opened {
            Opened::Foreign => return self.skip(record).await,
            Opened::Deletion { key, meta } => match deletions.get(&*record.at().partition.topic) {
                None => return self.skip(record).await,
                Some(route) => (meta, EachWork::Deletion(&**route, key)),
            },
            Opened::Event { schema, datum, meta } => {
                let route = by_type.get(schema.name()).or_reject("no handler for its type")?;
                (meta, EachWork::Event(&**route, schema, datum))
            }
        };
        let at = record.at();
        let ids = [meta.id];
        let unit = self.unit(&at.partition, at.offset, at.offset + 1, &ids);
        let tx = match self.scope.begin(&unit).await? {
            Begun::Repeat => return Ok(Outcome::Repeat),
            Begun::Fresh(tx) => tx,
        };
        let mut cx = Context {
            tx,
            meta,
            at,
            group: &self.group,
            attempt,
            encoders: self.encoders.as_ref(),
            emitted: Vec::new(),
        };
        match handling {
            EachWork::Event(route, schema, datum) => route.handle(&mut cx, schema, datum).await?,
            EachWork::Deletion(route, key) => route.handle(&mut cx, key).await?,
        }
        let Context { tx, emitted, .. } = cx;
        self.scope.commit(tx, &unit, emitted).await?;
        faults::effect_done(record);
        Ok(Outcome::Done)
    }

    async fn skip(&self, record: &InRecord) -> Result<Outcome, Failure> {
        let at = record.at();
        self.scope.pass(&self.unit(&at.partition, at.offset, at.offset + 1, &[])).await?;
        Ok(Outcome::Skipped)
    }
}

enum EachWork<'a, S: Scope> {
    Event(&'a dyn EachRoute<S>, &'a Schema, &'a [u8]),
    Deletion(&'a dyn DeletionRoute<S>, &'a str),
}
