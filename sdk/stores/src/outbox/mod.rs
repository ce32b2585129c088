//! What transactions emit waits here for a relay.
//!
//! A record is inserted in the transaction of the effect that it tells of, so one isn't there
//! without the other. A relay takes the oldest, sends them, waits for the acknowledgements and
//! reports them [`sent`](Outbox::sent); ended between the last two, it sends again, under the same
//! event id.
//!
//! Ids of one key follow the order of the commits. On SQLite transactions write one after the other,
//! so ids do so over all keys. Postgres doesn't give that by itself: there an insert takes its
//! keys' locks before the ids, and holds them until its transaction ends.

mod headers;
mod keys;

use chrono::{DateTime, Utc};
use orderly_sdk::OutRecord;
use tokio::sync::watch;

use crate::{Database, Migration, Row, StoreError, Tx, Value};

/// Bytes of records that one [`take`](Outbox::take) gives, but for one bigger record.
const MOST_BYTES: i64 = 4 << 20;

/// Makes the outbox's table where it is missing.
pub async fn prepare(db: &Database) -> Result<(), StoreError> {
    db.migrate("outbox", MIGRATIONS).await
}

/// Puts records behind those that are there, in order; they go when `tx` commits.
pub async fn insert(tx: &mut Tx, records: &[OutRecord]) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    tx.lock_outbox(&keys::locks(records)).await?;
    let now = Value::from(Utc::now());
    let rows = records.iter().map(|record| columns(record, &now)).collect();
    tx.execute_many(INSERT, rows).await?;
    tx.mark_outbox();
    Ok(())
}

/// The relay's side. One relay per database: two would send the same records.
pub struct Outbox {
    db: Database,
    changes: watch::Receiver<u64>,
}

impl Outbox {
    /// Of `db`, once [`prepare`] has run there.
    pub fn new(db: Database) -> Self {
        let mut changes = db.outbox_changes();
        // What is there already has yet to be taken.
        changes.mark_changed();
        Self { db, changes }
    }

    /// The oldest records with their ids, at most `limit` and 4 MiB, but at least one if there is
    /// any. They stay until they are [`sent`](Outbox::sent): taken again before, they come again.
    pub async fn take(&mut self, limit: u32) -> Result<Vec<(i64, OutRecord)>, StoreError> {
        // Before the read: what commits from here on wakes the next wait.
        self.changes.mark_unchanged();
        let rows = self.db.query(TAKE, &[limit.into(), MOST_BYTES.into()]).await?;
        rows.iter().map(record).collect()
    }

    /// Removes records that were acknowledged, all or none.
    pub async fn sent(&self, ids: &[i64]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        let ids = ids.iter().map(|&id| vec![id.into()]).collect();
        tx.execute_many(REMOVE, ids).await?;
        tx.commit().await
    }

    /// Waits until a commit through this [`Database`] or a clone of it has put something in since
    /// the last [`take`](Outbox::take) began. Wait only after a take that gave nothing, and look
    /// again from time to time: what other processes put in wakes nobody here.
    pub async fn changed(&mut self) {
        // It can't end: the database holds the sender.
        let _ = self.changes.changed().await;
    }

    /// Whether nothing waits to be sent.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.db.query("SELECT id FROM outbox LIMIT 1", &[]).await?.is_empty())
    }

    /// What waits to be sent. Counts row by row: for a metric every few seconds.
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        let rows = self.db.query(BACKLOG, &[]).await?;
        let Some(row) = rows.first() else { return Ok(Backlog { records: 0, oldest: None }) };
        let records: i64 = row.get(0)?;
        Ok(Backlog { records: records.unsigned_abs(), oldest: row.get(1)? })
    }
}

/// What waits in an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// How many records.
    pub records: u64,
    /// Since when the oldest waits.
    pub oldest: Option<DateTime<Utc>>,
}

fn columns(record: &OutRecord, now: &Value) -> Vec<Value> {
    vec![
        record.topic.as_str().into(),
        record.partition.into(),
        record.key.as_deref().into(),
        record.payload.as_deref().into(),
        headers::encode(&record.headers).into(),
        record.timestamp_ms.into(),
        i64::try_from(record.size()).unwrap_or(i64::MAX).into(),
        now.clone(),
    ]
}

fn record(row: &Row) -> Result<(i64, OutRecord), StoreError> {
    let id = row.get(0)?;
    let headers = headers::decode(&row.get::<Vec<u8>>(5)?).ok_or(StoreError::Damaged {
        table: "outbox",
        id,
        message: "its headers end in the middle",
    })?;
    let record = OutRecord {
        topic: row.get(1)?,
        partition: row.get(2)?,
        key: row.get(3)?,
        payload: row.get(4)?,
        headers,
        timestamp_ms: row.get(6)?,
    };
    Ok((id, record))
}

const INSERT: &str = "
    INSERT INTO outbox
        (topic, partition_id, record_key, payload, headers, timestamp_ms, size, inserted_at)
    SELECT r.topic, r.partition_id, r.record_key, r.payload, r.headers, r.timestamp_ms, r.size,
        r.inserted_at
    FROM {rows: topic TEXT, partition_id BIGINT, record_key BYTEA, payload BYTEA, headers BYTEA,
          timestamp_ms BIGINT, size BIGINT, inserted_at TIMESTAMPTZ} AS r
    ORDER BY r.nth";

const REMOVE: &str = "DELETE FROM outbox WHERE id IN (SELECT r.id FROM {rows: id BIGINT} AS r)";

// The bound on bytes is kept on ids and sizes alone, before any payload is read.
const TAKE: &str = "
    SELECT id, topic, partition_id, record_key, payload, headers, timestamp_ms
    FROM outbox
    WHERE id IN (
        SELECT id FROM (
            SELECT id, size, sum(size) OVER (ORDER BY id) AS so_far
            FROM (SELECT id, size FROM outbox ORDER BY id LIMIT $1) AS oldest
        ) AS summed
        WHERE so_far <= $2 OR so_far = size
    )
    ORDER BY id";

const BACKLOG: &str = "
    SELECT count(*), (SELECT inserted_at FROM outbox ORDER BY id LIMIT 1) FROM outbox";

const MIGRATIONS: &[Migration] = &[Migration {
    name: "create outbox",
    sql: "CREATE TABLE outbox (
              id {id},
              topic TEXT NOT NULL,
              partition_id BIGINT,
              record_key BYTEA,
              payload BYTEA,
              headers BYTEA NOT NULL,
              timestamp_ms BIGINT NOT NULL,
              size BIGINT NOT NULL,
              inserted_at TIMESTAMPTZ NOT NULL
          )",
}];
