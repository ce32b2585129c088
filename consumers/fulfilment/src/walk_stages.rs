//! Walks orders on for which the time that was set has come: to cancel is over, or a stage. Nothing
//! of it is in memory: each round reads the table, so it goes on after a kill, and any member may do
//! it.

use std::time::Duration;

use chrono::Utc;
use orderly_sdk::{
    Health, away,
    codec::{EncodeError, Encoders},
};
use orderly_stores::{Database, StoreError, outbox};
use tokio_util::sync::CancellationToken;

use crate::{
    order_row::{OrderRow, RowError, State},
    payments::{PaymentRow, Step},
    tell,
};

/// Orders walked on in one transaction.
const BATCH: usize = 200;
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
async fn walk_due(database: &Database, encoders: &Encoders) -> Result<usize, WalkError> {
    let now = Utc::now();
    // First looked at without a turn to write: mostly nothing is due.
    let due = "SELECT 1 FROM fulfilment_orders WHERE ends_at <= $1 LIMIT 1";
    if database.query_opt(due, &[now.into()]).await?.is_none() {
        return Ok(0);
    }
    let mut tx = database.begin().await?;
    let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let mut orders = OrderRow::due(&mut tx, now, most).await?;
    let mut records = Vec::new();
    for order in &mut orders {
        let told = order.walk_on();
        records.extend(tell::as_records(encoders, &tell::placing(order), told)?);
    }
    OrderRow::keep(&mut tx, orders.iter()).await?;
    let capturing = orders.iter().filter(|order| order.state == State::Capturing);
    let capturing: Vec<_> = capturing.map(|order| vec![(&order.order_id).into()]).collect();
    if !capturing.is_empty() {
        let mut payments = PaymentRow::among(&mut tx, capturing).await?;
        payments.iter_mut().for_each(|payment| payment.go(Step::Capturing, now));
        PaymentRow::keep(&mut tx, payments.iter()).await?;
    }
    outbox::insert(&mut tx, &records).await?;
    tx.commit().await?;
    Ok(orders.len())
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
