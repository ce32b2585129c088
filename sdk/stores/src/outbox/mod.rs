//! What transactions emit waits here for a relay.
//!
//! A record is inserted in the transaction of the effect that it tells of, so one isn't there
//! without the other. Several relays may share the work: each leases buckets of keys ([`Leases`]),
//! takes the oldest records of these, sends them, waits for the acknowledgements and reports them
//! [`sent`](Outbox::sent); ended between the last two, they are sent again, under the same event id.
//!
//! Ids of one key follow the order of the commits. On SQLite transactions write one after the other,
//! so ids do so over all keys. Postgres doesn't give that by itself: there an insert takes its
//! keys' locks before the ids, and holds them until its transaction ends.
//!
//! Why first occurrences come in commit order, whatever becomes of relays and leases:
//! - Who sees a record of a key sees, or saw sent, all earlier ones of it: these were committed
//!   when its id was given out. A record goes only when it was acknowledged.
//! - So a relay that sends what it takes of a key by id, none before the one in front of it is
//!   written, writes a record only where all earlier ones are in the topic already: it wrote them
//!   itself, or they were gone from here when it took.
//! - That holds for each relay alone, so for any number at once, also for one that was overtaken:
//!   stopped for longer than its lease, it goes on with what it had taken, which its successor
//!   has sent or will send. It repeats, under the same ids, and puts nothing new before others.
//!
//! Rows without a bucket are of members that knew none yet. Whoever balances next gives them theirs,
//! and nothing behind the first of them is taken before.

mod keys;
mod leases;
mod older;

use std::time::Duration;

use chrono::{DateTime, Utc};
use orderly_sdk::{OutRecord, record::RecordHeaders};
use tokio::sync::watch;

use crate::{Database, Migration, Row, StoreError, Tx, Value};
pub use leases::{BUCKETS, LEASE, Leases};

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

/// Holds these keys, each a topic and a key in it, until `tx` ends: whoever else holds one or emits
/// for it waits. Held before it is read, what a key stands for is what the transaction replaces,
/// also where there was nothing yet. Hold all of a transaction at once: two that hold theirs one by
/// one may wait for each other, and one of them fails as for a database that is away.
pub async fn hold(tx: &mut Tx, keys: &[(&str, &str)]) -> Result<(), StoreError> {
    let keys = keys.iter().map(|&(topic, key)| (topic, key.as_bytes()));
    tx.lock_outbox(&keys::locks_of(keys)).await
}

/// One relay's side.
pub struct Outbox {
    db: Database,
    changes: watch::Receiver<u64>,
    leases: Leases,
    /// Whether the last take gave nothing.
    gave_nothing: bool,
}

impl Outbox {
    /// Of `db`, once [`prepare`] has run there.
    pub fn new(db: Database) -> Self {
        Self::leasing(db, LEASE)
    }

    /// The same with leases of that length.
    pub fn leasing(db: Database, lease: Duration) -> Self {
        let mut changes = db.outbox_changes();
        // What is there already has yet to be taken.
        changes.mark_changed();
        let leases = Leases::new(db.clone(), lease);
        Self { db, changes, leases, gave_nothing: false }
    }

    /// Its leases: to be [renewed](Leases::renew) while records are under way.
    pub fn leases(&self) -> &Leases {
        &self.leases
    }

    /// The oldest records of the buckets that it holds, with their ids, at most `limit` and 4 MiB,
    /// but at least one if there is any. They stay until they are [`sent`](Outbox::sent): taken
    /// again before, they come again. Asks for its share of the buckets when that is due, so take
    /// again when [`due`](Leases::due) is over, too.
    pub async fn take(&mut self, limit: u32) -> Result<Vec<(i64, OutRecord)>, StoreError> {
        loop {
            if self.leases.due().is_zero() {
                older::give_buckets(&self.db).await?;
                self.leases.balance().await?;
            }
            let taken = self.take_held(limit).await?;
            // What took so long that a successor may be at work is left to it.
            if taken.is_empty() || self.leases.is_lasting() {
                return Ok(taken);
            }
        }
    }

    async fn take_held(&mut self, limit: u32) -> Result<Vec<(i64, OutRecord)>, StoreError> {
        // Before the read: what commits from here on wakes the next wait.
        self.changes.mark_unchanged();
        let held = self.leases.held();
        if held == 0 || (self.gave_nothing && self.is_empty().await?) {
            return Ok(Vec::new());
        }
        // Twice the ids among which there are so many of ours, were all keys alike.
        let among = i64::from(limit) * i64::from(BUCKETS.div_ceil(held)) * 2;
        let values = [limit.into(), MOST_BYTES.into(), self.leases.name(), among.into()];
        let rows = self.db.query(TAKE, &values).await?;
        self.gave_nothing = rows.is_empty();
        rows.iter().map(record).collect()
    }

    /// The oldest records, whoever relays them, with their ids: only to look at.
    pub async fn look(&self, limit: u32) -> Result<Vec<(i64, OutRecord)>, StoreError> {
        let rows = self.db.query(LOOK, &[limit.into()]).await?;
        rows.iter().map(record).collect()
    }

    /// Removes records that were acknowledged, all or none.
    pub async fn sent(&self, ids: &[i64]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        // Stopped here, it would hold rows that its successor is to remove.
        tx.end_when_idle_for(LEASE).await?;
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
        Ok(self.db.query("SELECT id FROM outbox ORDER BY id LIMIT 1", &[]).await?.is_empty())
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
    let headers = record.headers.as_bytes();
    let bucket = keys::bucket(&record.topic, record.key.as_deref(), headers);
    vec![
        (&*record.topic).into(),
        record.partition.into(),
        record.key.as_deref().into(),
        record.payload.as_deref().into(),
        headers.into(),
        record.timestamp_ms.into(),
        i64::try_from(record.size()).unwrap_or(i64::MAX).into(),
        now.clone(),
        bucket.into(),
    ]
}

fn record(row: &Row) -> Result<(i64, OutRecord), StoreError> {
    let id = row.get(0)?;
    let headers = RecordHeaders::from_bytes(row.get(5)?).ok_or(StoreError::Damaged {
        table: "outbox",
        id,
        message: "its headers end in the middle",
    })?;
    let record = OutRecord {
        topic: row.get::<String>(1)?.into(),
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
        (topic, partition_id, record_key, payload, headers, timestamp_ms, size, inserted_at,
         bucket)
    SELECT r.topic, r.partition_id, r.record_key, r.payload, r.headers, r.timestamp_ms, r.size,
        r.inserted_at, r.bucket
    FROM {rows: topic TEXT, partition_id BIGINT, record_key BYTEA, payload BYTEA, headers BYTEA,
          timestamp_ms BIGINT, size BIGINT, inserted_at TIMESTAMPTZ, bucket BIGINT} AS r
    {in_order}";

const REMOVE: &str = "DELETE FROM outbox WHERE id = {any: BIGINT}";

// One statement, so that all of it sees the same commits. It reads no more than `$4` ids, and the
// bound on bytes is kept on ids and sizes alone, before any payload is read.
//
// What a database knows of a table that fills and empties all day is wrong most of the time: where
// Postgres had counted it while it was empty, it compared every row with all that are to be taken.
// So each step is done once, and none leaves a choice that costs more than rows times buckets.
const TAKE: &str = "
    WITH mine AS MATERIALIZED (
        SELECT l.bucket, (
            SELECT o.id FROM outbox AS o WHERE o.bucket = l.bucket ORDER BY o.id LIMIT 1
        ) AS oldest
        FROM outbox_leases AS l
        WHERE l.relay = $3 AND l.leased_until > {now}
    ), reach AS MATERIALIZED (
        SELECT min(oldest) AS first, min(oldest) + $4 AS behind, COALESCE(
            (SELECT o.id FROM outbox AS o WHERE o.bucket IS NULL ORDER BY o.id LIMIT 1),
            9223372036854775807
        ) AS stop
        FROM mine
    ), sized AS MATERIALIZED (
        SELECT id, size FROM outbox
        WHERE id >= (SELECT first FROM reach) AND id < (SELECT behind FROM reach)
            AND id < (SELECT stop FROM reach) AND bucket IN (SELECT bucket FROM mine)
        ORDER BY id LIMIT $1
    ), ending AS MATERIALIZED (
        SELECT max(id) AS id
        FROM (SELECT id, size, sum(size) OVER (ORDER BY id) AS so_far FROM sized) AS summed
        WHERE so_far <= $2 OR so_far = size
    )
    SELECT id, topic, partition_id, record_key, payload, headers, timestamp_ms
    FROM outbox
    WHERE id >= (SELECT first FROM reach) AND id <= (SELECT id FROM ending)
        AND bucket IN (SELECT bucket FROM mine)
    ORDER BY id";

const LOOK: &str = "
    SELECT id, topic, partition_id, record_key, payload, headers, timestamp_ms
    FROM outbox ORDER BY id LIMIT $1";

const BACKLOG: &str = "
    SELECT count(*), (SELECT inserted_at FROM outbox ORDER BY id LIMIT 1) FROM outbox";

const MIGRATIONS: &[Migration] = &[
    Migration {
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
    },
    Migration {
        name: "lease buckets",
        sql: "ALTER TABLE outbox ADD COLUMN bucket BIGINT;
              CREATE INDEX outbox_buckets ON outbox (bucket, id);
              CREATE INDEX outbox_without_bucket ON outbox (id) WHERE bucket IS NULL;
              CREATE TABLE outbox_relays (
                  relay TEXT PRIMARY KEY,
                  live_until BIGINT NOT NULL
              );
              CREATE TABLE outbox_leases (
                  bucket BIGINT PRIMARY KEY,
                  relay TEXT,
                  leased_until BIGINT NOT NULL
              );
              INSERT INTO outbox_leases (bucket, leased_until)
              WITH RECURSIVE numbers (n) AS (
                  SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 63
              )
              SELECT n, 0 FROM numbers",
    },
];
