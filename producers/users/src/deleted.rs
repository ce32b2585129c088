//! Ids as hashes: which were deleted, and the lock of each. Whoever changes what is kept of an id
//! holds its row, also where there is nothing else of it: so no order of a user slips in while the
//! user is being deleted.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use orderly_stores::{StoreError, Tx, Value};
use sha2::{Digest as _, Sha256};

/// Hashes that one question names.
const MOST_AMONG: usize = 500;

/// Never to be changed: rows know theirs.
pub(crate) fn hash(user_id: &str) -> String {
    hex::encode(Sha256::new().chain_update("orderly user\0").chain_update(user_id).finalize())
}

/// When an id was deleted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deleted {
    taken_again_at: Option<DateTime<Utc>>,
}

impl Deleted {
    /// Whether what happened at that time was the deleted user's.
    pub(crate) fn owns(&self, at: DateTime<Utc>) -> bool {
        self.taken_again_at.is_none_or(|taken_again_at| at < taken_again_at)
    }
}

/// Holds these ids until `tx` ends, in an order that everybody keeps to; those of them that were
/// deleted, by hash.
pub(crate) async fn hold(
    tx: &mut Tx,
    user_ids: impl Iterator<Item = &str>,
) -> Result<BTreeMap<String, Deleted>, StoreError> {
    let hashes: BTreeSet<String> = user_ids.map(hash).collect();
    let hashes: Vec<String> = hashes.into_iter().collect();
    let mut deleted = BTreeMap::new();
    for some in hashes.chunks(MOST_AMONG) {
        let rows = some.iter().map(|hash| vec![hash.into()]).collect();
        tx.execute_many(MAKE, rows).await?;
        let names: Vec<_> = (1..=some.len()).map(|number| format!("${number}")).collect();
        let values: Vec<Value> = some.iter().map(Into::into).collect();
        let sql = format!(
            "SELECT id_hash, deleted_at, taken_again_at FROM users_ids
             WHERE id_hash IN ({}) ORDER BY id_hash {{for_update}}",
            names.join(", ")
        );
        for row in tx.query(&sql, &values).await? {
            if row.get::<Option<DateTime<Utc>>>(1)?.is_some() {
                deleted.insert(row.get(0)?, Deleted { taken_again_at: row.get(2)? });
            }
        }
    }
    Ok(deleted)
}

/// From now on the id is deleted, whoever was put under it before.
pub(crate) async fn mark(tx: &mut Tx, user_id: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
    let sql = "UPDATE users_ids SET deleted_at = $2, taken_again_at = NULL WHERE id_hash = $1";
    tx.execute(sql, &[hash(user_id).into(), at.into()]).await?;
    Ok(())
}

/// Somebody new has the id from then on, if it was deleted and nobody has it yet.
pub(crate) async fn take_again(
    tx: &mut Tx,
    user_id: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sql = "UPDATE users_ids SET taken_again_at = $2
               WHERE id_hash = $1 AND deleted_at IS NOT NULL AND taken_again_at IS NULL";
    tx.execute(sql, &[hash(user_id).into(), at.into()]).await?;
    Ok(())
}

const MAKE: &str = "
    INSERT INTO users_ids (id_hash)
    SELECT r.id_hash FROM {rows: id_hash TEXT} AS r {in_order}
    ON CONFLICT (id_hash) DO NOTHING";
