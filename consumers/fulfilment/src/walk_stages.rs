//! Walks orders on whose stage has ended. Nothing of it is in memory: each round reads the table,
//! so it goes on after a kill, and any member may do it.

use std::time::Duration;

use chrono::Utc;
use orderly_sdk::{
    Health, away,
    codec::{EncodeError, Encoders},
};
use orderly_stores::{Database, StoreError, outbox};
use tokio_util::sync::CancellationToken;

use crate::{
    tables::{OrderRow, RowError},
    tell,
};

/// Orders walked on in one transaction.
const BATCH: i64 = 200;
/// How often the table is looked at: a stage ends at most this late.
const TICK: Duration = Duration::from_millis(50);
/// Wait after the database was away.
const BACKOFF: Duration = Duration::from_secs(1);

/// Until `shutdown`. A database that is away is waited for.
pub(crate) async fn walk(
    database: &Database,
    encoders: &Encoders,
    health: &Health,
    shutdown: &CancellationToken,
) {
    let mut waiting = None;
    loop {
        let (wait, told) = match walk_due(database, encoders).await {
            Ok(BATCH..) => (Duration::ZERO, None),
            Ok(_) => (TICK, None),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "stages wait");
                (BACKOFF, away(&error).map(|part| health.away(part.part, &part.message)))
            }
        };
        drop(std::mem::replace(&mut waiting, told));
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// One transaction: the orders that are due, with everything that is told of them. Read within it,
/// so two that walk at once never walk one order for the same stage.
async fn walk_due(database: &Database, encoders: &Encoders) -> Result<i64, WalkError> {
    let now = Utc::now();
    // First looked at without a turn to write: mostly nothing is due.
    let due = "SELECT 1 FROM fulfilment_orders WHERE ends_at <= $1 LIMIT 1";
    if database.query_opt(due, &[now.into()]).await?.is_none() {
        return Ok(0);
    }
    let mut tx = database.begin().await?;
    let (mut count, mut records) = (0, Vec::new());
    for mut order in OrderRow::due(&mut tx, now, BATCH).await? {
        let told = order.end_stage();
        order.update(&mut tx).await?;
        records.extend(tell::as_records(encoders, &order, told)?);
        count += 1;
    }
    outbox::insert(&mut tx, &records).await?;
    tx.commit().await?;
    Ok(count)
}

#[derive(Debug, thiserror::Error)]
enum WalkError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Row(#[from] RowError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
