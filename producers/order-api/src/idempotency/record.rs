//! (caller, key) → hash of the body, state, answer.
//!
//! | found | then |
//! |---|---|
//! | nothing, or older than is kept | ours, if the order could be priced |
//! | another body | refused |
//! | done | its answer again |
//! | in flight, its lease not over | wait |
//! | in flight, its lease over; or unknown | ours, *in doubt*: an earlier attempt may be written |
//!
//! The first attempt's priced order is kept until the key is done: a later one emits exactly that,
//! whatever prices are then.
//!
//! Leases and ages go by the replicas' clocks: those are to agree within a second or so. If they
//! don't, or a record is lost, the ids are still the same: the order is emitted again as a repeat.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use orderly_stores::{Database, Migration, Row, StoreError, Tx, Value};

use super::IdempotencyKey;
use crate::caller::Caller;

/// The shared records.
#[derive(Clone)]
pub(crate) struct Records {
    database: Database,
    keep: Duration,
    /// A claim failed since somebody last looked.
    failed: Arc<AtomicBool>,
}

/// The right to emit the order of a key, until another attempt takes over.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    caller: String,
    key: String,
    hash: String,
    /// Counts the claims; whoever holds the last one owns the record.
    attempt: i64,
    /// When the key was first claimed: what the order's time is, in every attempt.
    pub(crate) first: DateTime<Utc>,
    /// An earlier attempt may be written, or yet get there.
    pub(crate) in_doubt: bool,
    /// The order as the first attempt priced it; `None` where that was before this was kept.
    pub(crate) priced: Option<String>,
}

/// What a claim met.
#[derive(Debug)]
pub(crate) enum Claimed {
    /// The order is to be emitted.
    Ours(Claim),
    /// It was; this was the answer.
    Finished(Answer),
    /// Another attempt is at it, for this long.
    InFlight(Duration),
    /// The key stands for another order.
    OtherBody,
    /// The key stands for nothing, and this request has no price to begin with.
    Unpriced,
}

/// The answer that a finished key gives for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) body: String,
}

impl Records {
    pub(crate) fn new(database: Database, keep: Duration) -> Self {
        Self { database, keep, failed: Arc::default() }
    }

    /// Reads what claims write.
    pub(crate) async fn can_read(&self) -> Result<(), StoreError> {
        self.database.query("SELECT 1 FROM idempotency LIMIT 1", &[]).await.map(drop)
    }

    /// Writes as a claim does, where no caller's key is, and takes it back.
    pub(crate) async fn can_write(&self) -> Result<(), StoreError> {
        let (caller, now) = ("", Utc::now());
        let key = uuid::Uuid::now_v7().to_string();
        let values =
            [caller.into(), key.as_str().into(), "".into(), now.into(), now.into(), "".into()];
        let mut tx = self.database.begin().await?;
        tx.query_opt(CLAIM, &values).await?;
        let sql = "DELETE FROM idempotency WHERE caller = $1 AND idempotency_key = $2";
        tx.execute(sql, &[caller.into(), key.into()]).await?;
        tx.commit().await
    }

    /// A claim failed, or took too long.
    pub(crate) fn note_failure(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Whether that was so since this was last asked.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.swap(false, Ordering::Relaxed)
    }

    /// Claims a key for a body, or finds out why not. `priced`: the order as it is priced now; without
    /// it only a key that stands for a priced one is claimed.
    pub(crate) async fn claim(
        &self,
        caller: &Caller,
        key: &IdempotencyKey,
        hash: &str,
        lease: Duration,
        priced: Option<&str>,
    ) -> Result<Claimed, StoreError> {
        let now = Utc::now().trunc_subsecs(3);
        let id: [Value; 2] = [caller.as_str().into(), key.as_str().into()];
        let [caller_id, key_id] = id.clone();
        let mut tx = self.database.begin().await?;
        tx.execute(FORGET, &[caller_id.clone(), key_id.clone(), self.oldest_kept(now).into()])
            .await?;
        let mut values = vec![caller_id, key_id, hash.into(), later(now, lease).into(), now.into()];
        values.extend(priced.map(Value::from));
        let sql = if priced.is_some() { CLAIM } else { CLAIM_AGAIN };
        let claimed = match tx.query_opt(sql, &values).await? {
            Some(row) => Claimed::Ours(Claim {
                caller: caller.as_str().to_owned(),
                key: key.as_str().to_owned(),
                hash: hash.to_owned(),
                attempt: row.get(0)?,
                first: row.get(1)?,
                in_doubt: row.get(2)?,
                priced: row.get(3)?,
            }),
            None => match not_ours(&mut tx, &id, hash, now).await? {
                None if priced.is_none() => Claimed::Unpriced,
                // Gone between two statements of this transaction: as good as a lease that ended.
                None => Claimed::InFlight(Duration::ZERO),
                Some(claimed) => claimed,
            },
        };
        tx.commit().await?;
        Ok(claimed)
    }

    /// Keeps the answer: some attempt at the order was acknowledged, whichever.
    pub(crate) async fn finish(&self, claim: &Claim, answer: &Answer) -> Result<(), StoreError> {
        self.change(
            "UPDATE idempotency
             SET state = 'done', status = $4, location = $5, body = $6, priced = NULL
             WHERE caller = $1 AND idempotency_key = $2 AND body_hash = $3 AND state <> 'done'",
            vec![
                claim.caller.as_str().into(),
                claim.key.as_str().into(),
                claim.hash.as_str().into(),
                i64::from(answer.status).into(),
                answer.location.as_str().into(),
                answer.body.as_str().into(),
            ],
        )
        .await
        .map(drop)
    }

    /// This attempt was surely not written: a retry may go at once.
    pub(crate) async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        if claim.in_doubt {
            // The key stays bound to its body: that order may be there.
            return self.doubt(claim).await;
        }
        let sql = "DELETE FROM idempotency
                   WHERE caller = $1 AND idempotency_key = $2 AND attempt = $3
                     AND state = 'in_flight'";
        self.change(sql, claim.id()).await.map(drop)
    }

    /// Nobody knows whether this attempt was written: a retry may go at once, under the same ids.
    pub(crate) async fn doubt(&self, claim: &Claim) -> Result<(), StoreError> {
        let sql = "UPDATE idempotency SET state = 'unknown'
                   WHERE caller = $1 AND idempotency_key = $2 AND attempt = $3
                     AND state = 'in_flight'";
        self.change(sql, claim.id()).await.map(drop)
    }

    /// Lets nobody take over for this long. `false`: somebody did.
    pub(crate) async fn hold(&self, claim: &Claim, lease: Duration) -> Result<bool, StoreError> {
        let sql = "UPDATE idempotency SET lease_until = $4
                   WHERE caller = $1 AND idempotency_key = $2 AND attempt = $3
                     AND state = 'in_flight'";
        let mut values = claim.id();
        values.push(later(Utc::now(), lease).into());
        Ok(self.change(sql, values).await? > 0)
    }

    /// Forgets at most `most` keys that are older than is kept; says how many.
    pub(crate) async fn purge(&self, most: u32) -> Result<u64, StoreError> {
        let sql = "DELETE FROM idempotency WHERE (caller, idempotency_key) IN (
                       SELECT caller, idempotency_key FROM idempotency
                       WHERE created_at <= $1 ORDER BY created_at LIMIT $2)";
        self.change(sql, vec![self.oldest_kept(Utc::now()).into(), most.into()]).await
    }

    async fn change(&self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        let mut tx = self.database.begin().await?;
        let changed = tx.execute(sql, &values).await?;
        tx.commit().await?;
        Ok(changed)
    }

    fn oldest_kept(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - TimeDelta::from_std(self.keep).unwrap_or(TimeDelta::MAX / 2)
    }
}

impl Claim {
    fn id(&self) -> Vec<Value> {
        vec![self.caller.as_str().into(), self.key.as_str().into(), self.attempt.into()]
    }
}

const FORGET: &str = "
    DELETE FROM idempotency
    WHERE caller = $1 AND idempotency_key = $2 AND created_at <= $3";

const CLAIM: &str = "
    INSERT INTO idempotency
        (caller, idempotency_key, body_hash, state, attempt, in_doubt, lease_until, created_at,
         priced)
    VALUES ($1, $2, $3, 'in_flight', 1, FALSE, $4, $5, $6)
    ON CONFLICT (caller, idempotency_key) DO UPDATE
    SET state = 'in_flight', attempt = idempotency.attempt + 1, in_doubt = TRUE, lease_until = $4,
        priced = COALESCE(idempotency.priced, $6)
    WHERE idempotency.body_hash = $3
      AND (idempotency.state = 'unknown'
           OR (idempotency.state = 'in_flight' AND idempotency.lease_until <= $5))
    RETURNING attempt, created_at, in_doubt, priced";

const CLAIM_AGAIN: &str = "
    UPDATE idempotency
    SET state = 'in_flight', attempt = attempt + 1, in_doubt = TRUE, lease_until = $4
    WHERE caller = $1 AND idempotency_key = $2 AND body_hash = $3 AND priced IS NOT NULL
      AND (state = 'unknown' OR (state = 'in_flight' AND lease_until <= $5))
    RETURNING attempt, created_at, in_doubt, priced";

/// Why the claim didn't take the row, which it left locked; `None`: there is none.
async fn not_ours(
    tx: &mut Tx,
    id: &[Value],
    hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<Claimed>, StoreError> {
    let sql = "SELECT body_hash, state, lease_until, status, location, body
               FROM idempotency WHERE caller = $1 AND idempotency_key = $2";
    let Some(row) = tx.query_opt(sql, id).await? else {
        return Ok(None);
    };
    if row.get::<String>(0)? != hash {
        return Ok(Some(Claimed::OtherBody));
    }
    if row.get::<String>(1)? == "done" {
        return answer(&row).map(|answer| Some(Claimed::Finished(answer)));
    }
    let left = row.get::<DateTime<Utc>>(2)? - now;
    Ok(Some(Claimed::InFlight(left.to_std().unwrap_or_default())))
}

fn answer(row: &Row) -> Result<Answer, StoreError> {
    let status: i32 = row.get(3)?;
    let status = u16::try_from(status).unwrap_or_default();
    Ok(Answer { status, location: row.get(4)?, body: row.get(5)? })
}

fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|by| now.checked_add_signed(by)).unwrap_or(now)
}

pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "create idempotency",
        sql: "CREATE TABLE idempotency (
              caller TEXT NOT NULL,
              idempotency_key TEXT NOT NULL,
              body_hash TEXT NOT NULL,
              state TEXT NOT NULL CHECK (state IN ('in_flight', 'done', 'unknown')),
              attempt BIGINT NOT NULL,
              in_doubt BOOLEAN NOT NULL,
              lease_until TIMESTAMPTZ NOT NULL,
              status BIGINT,
              location TEXT,
              body TEXT,
              created_at TIMESTAMPTZ NOT NULL,
              PRIMARY KEY (caller, idempotency_key)
          );
          CREATE INDEX idempotency_by_age ON idempotency (created_at)",
    },
    Migration {
        name: "keep the order that a key stands for as it was priced",
        sql: "ALTER TABLE idempotency ADD COLUMN priced TEXT",
    },
];

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
