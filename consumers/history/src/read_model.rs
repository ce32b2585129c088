//! What history keeps, to be read.

use orderly_stores::{Database, StoreError};

use crate::tables;

/// Reads what is committed, beside the members that write. Cheap to clone.
///
/// Each call sees one state of the store; a loop over pages sees later ones as it goes.
#[derive(Clone)]
pub struct ReadModel {
    pub(crate) db: Database,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Orders whose OrderPlaced was seen.
    pub orders: i64,
    /// Events of `order-status` in the timeline, known repeats not counted.
    pub statuses: i64,
    /// Returns.
    pub returns: i64,
}

impl ReadModel {
    /// On `db`; makes history's tables where they are missing.
    pub async fn open(db: &Database) -> Result<Self, StoreError> {
        tables::prepare(db).await?;
        Ok(Self { db: db.clone() })
    }

    /// Counts what is kept. Reads all of it: for tools, not for requests.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        let rows = self.db.query(COUNT, &[orderly_schemas::order_status::TOPIC.into()]).await?;
        let count = |column| rows.first().map_or(Ok(0), |row| row.get(column));
        Ok(Counts { orders: count(0)?, statuses: count(1)?, returns: count(2)? })
    }
}

/// Whether there can be a row with this text: Postgres has no NUL in texts, and refuses to be asked.
pub(crate) fn may_be_kept(text: &str) -> bool {
    !text.contains('\0')
}

const COUNT: &str = "
    SELECT
        (SELECT COUNT(*) FROM history_orders WHERE placed_event_id IS NOT NULL),
        (SELECT COUNT(*) FROM history_timeline WHERE topic = $1),
        (SELECT COUNT(*) FROM history_returns)";
