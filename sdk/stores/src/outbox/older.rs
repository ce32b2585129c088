//! Rows of members that knew no buckets: those from before, and from a member that is yet to be
//! replaced.

use super::keys;
use crate::{Database, Row, StoreError, Value};

/// Rows read at once.
const SOME: u32 = 1_000;

/// Gives them their buckets.
pub(super) async fn give_buckets(db: &Database) -> Result<(), StoreError> {
    loop {
        let rows = db.query(FIND, &[SOME.into()]).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let buckets = rows.iter().map(bucket).collect::<Result<_, _>>()?;
        let mut tx = db.begin().await?;
        tx.end_when_idle_for(super::LEASE).await?;
        tx.execute_many(GIVE, buckets).await?;
        tx.commit().await?;
    }
}

fn bucket(row: &Row) -> Result<Vec<Value>, StoreError> {
    let (topic, key): (String, Option<Vec<u8>>) = (row.get(1)?, row.get(2)?);
    let bucket = keys::bucket(&topic, key.as_deref(), &row.get::<Vec<u8>>(3)?);
    Ok(vec![row.get::<i64>(0)?.into(), bucket.into()])
}

const FIND: &str = "
    SELECT id, topic, record_key, headers FROM outbox WHERE bucket IS NULL ORDER BY id LIMIT $1";

// It may be gone: a relay that knows no buckets takes whatever is there.
const GIVE: &str = "
    UPDATE outbox SET bucket = r.bucket
    FROM {rows: id BIGINT, bucket BIGINT} AS r
    WHERE outbox.id = r.id";
