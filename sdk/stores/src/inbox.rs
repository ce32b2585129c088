//! A scope that does each event once: its inbox row, the effect and what was emitted commit
//! together.

use chrono::Utc;
use orderly_sdk::{
    OutRecord,
    consume::{Begun, Failure, Scope, Unit},
    faults,
};

use crate::{Database, Migration, StoreError, Tx, outbox};

/// One record per unit, each event's effect once per group, however often the record is delivered
/// and by however many members: the inbox row (group, event id) commits with the effect, and a
/// second one can't.
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
        let id = match unit.events {
            // Only passed over: there is no effect to be done twice.
            [] => return Ok(Begun::Fresh(self.db.begin().await?)),
            _ if faults::is_planted(faults::INBOX_OFF) => {
                return Ok(Begun::Fresh(self.db.begin().await?));
            }
            [id] => id,
            events => {
                return Err(Failure::reject(format_args!(
                    "the inbox takes one record per unit and group {} gave it {} of {}: a batch \
                     handler keeps its position instead",
                    unit.group,
                    events.len(),
                    unit.partition
                )));
            }
        };
        let mut tx = self.db.begin().await?;
        let inserted = tx
            .execute(
                "INSERT INTO inbox (group_id, event_id, done_at) VALUES ($1, $2, $3)
                 ON CONFLICT DO NOTHING",
                &[unit.group.into(), id.into(), Utc::now().into()],
            )
            .await?;
        Ok(if inserted == 0 { Begun::Repeat } else { Begun::Fresh(tx) })
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

const MIGRATIONS: &[Migration] = &[Migration {
    name: "create inbox",
    sql: "CREATE TABLE inbox (
              group_id TEXT NOT NULL,
              event_id TEXT NOT NULL,
              done_at TIMESTAMPTZ NOT NULL,
              PRIMARY KEY (group_id, event_id)
          )",
}];
