//! A scope that does each event once: its inbox row, the effect and what was emitted commit
//! together.

use chrono::Utc;
use orderly_sdk::{
    OutRecord,
    consume::{Begun, Failure, Scope, Unit},
    faults,
};

use crate::{Database, Migration, StoreError, Tx, outbox};

/// Each event's effect once per group, however often its record is delivered and by however many
/// members: the inbox row (group, event id) commits with the effect, and a second one can't.
///
/// A batch of which some is done can't be split here and is rejected
/// ([`StoreError::PartlyDone`]): its records go one by one.
///
/// Rows are kept: a record may come again as long as its topic holds it.
#[derive(Clone)]
pub struct Inbox {
    db: Database,
}

impl Inbox {
    /// In `db`, once [`prepare`](Inbox::prepare) has run there.
    pub fn new(db: Database) -> Self {
        Self { db }
    }

    /// Makes the tables of inbox and outbox where they are missing.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        outbox::prepare(&self.db).await?;
        self.db.migrate("inbox", MIGRATIONS).await
    }
}

impl Scope for Inbox {
    type Tx = Tx;

    const EMITS_ONCE: bool = true;

    async fn begin(&self, unit: &Unit<'_>) -> Result<Begun<Tx>, Failure> {
        let mut tx = self.db.begin().await?;
        // Only passed over: there is no effect to be done twice.
        if unit.events.is_empty() || faults::is_planted(faults::INBOX_OFF) {
            return Ok(Begun::Fresh(tx));
        }
        let now = Utc::now();
        let mut ids = unit.events.to_vec();
        // Two members that have one batch wait for each other in one order.
        ids.sort_unstable();
        let rows = ids.iter().map(|id| vec![unit.group.into(), (*id).into(), now.into()]);
        let inserted = tx.execute_many(INSERT, rows.collect()).await?;
        match usize::try_from(inserted).unwrap_or(usize::MAX) {
            0 => Ok(Begun::Repeat),
            all if all == ids.len() => Ok(Begun::Fresh(tx)),
            some => Err(Failure::reject(StoreError::PartlyDone {
                group: unit.group.to_owned(),
                partition: unit.partition.clone(),
                done: ids.len().saturating_sub(some),
                of: ids.len(),
            })),
        }
    }

    async fn commit(
        &self,
        mut tx: Tx,
        _unit: &Unit<'_>,
        emitted: Vec<OutRecord>,
    ) -> Result<(), Failure> {
        outbox::insert(&mut tx, &emitted).await?;
        Ok(tx.commit().await?)
    }
}

const INSERT: &str = "
    INSERT INTO inbox (group_id, event_id, done_at) SELECT r.group_id, r.event_id, r.done_at
    FROM {rows: group_id TEXT, event_id TEXT, done_at TIMESTAMPTZ} AS r {in_order}
    ON CONFLICT DO NOTHING";

const MIGRATIONS: &[Migration] = &[Migration {
    name: "create inbox",
    sql: "CREATE TABLE inbox (
              group_id TEXT NOT NULL,
              event_id TEXT NOT NULL,
              done_at TIMESTAMPTZ NOT NULL,
              PRIMARY KEY (group_id, event_id)
          )",
}];
