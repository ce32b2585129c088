//! The contacts of deleted users' orders: told to be gone some at a time, each time in a transaction of its
//! own, however often whoever began is interrupted.

use std::{error::Error, time::Duration};

use orderly_schemas::ContactGiven;
use orderly_sdk::{Meta, codec::Encoders};
use orderly_stores::{Database, Value, outbox};
use tokio_util::sync::CancellationToken;

/// Contacts whose tombstones go into the outbox at once.
const SOME: u32 = 1_000;
/// Between two looks for what somebody left undone.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks for contacts that are to go, until `stop`.
pub(crate) async fn erase_until(database: Database, encoders: Encoders, stop: CancellationToken) {
    let mut is_failing = false;
    while !stop.is_cancelled() {
        let pause = match erase_some(&database, &encoders).await {
            Ok(erased) => {
                is_failing = false;
                if erased == 0 { PAUSE } else { Duration::ZERO }
            }
            Err(error) => {
                if !is_failing {
                    tracing::warn!(%error, "contacts of deleted users are yet to be erased");
                }
                is_failing = true;
                PAUSE
            }
        };
        if !pause.is_zero() {
            let _ = tokio::time::timeout(pause, stop.cancelled()).await;
        }
    }
}

/// Tells of some; how many there were.
pub(crate) async fn erase_some(
    database: &Database,
    encoders: &Encoders,
) -> Result<usize, Box<dyn Error + Send + Sync>> {
    let mut tx = database.begin().await?;
    let rows = tx.query(TAKE, &[SOME.into()]).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let (mut tombstones, mut gone) = (Vec::new(), Vec::<Vec<Value>>::new());
    for row in &rows {
        let order_id: String = row.get(0)?;
        let meta = Meta::new(encoders.source());
        tombstones.push(encoders.tombstone::<ContactGiven>(&order_id, &meta)?);
        gone.push(vec![order_id.into()]);
    }
    outbox::insert(&mut tx, &tombstones).await?;
    tx.execute_many("DELETE FROM users_erasing WHERE order_id = {any: TEXT}", gone).await?;
    tx.commit().await?;
    Ok(rows.len())
}

const TAKE: &str = "
    SELECT order_id FROM users_erasing ORDER BY order_id LIMIT $1 {skip_locked}";
