//! Walks orders on whose stage has ended. Nothing of it is in memory: each round reads the table,
//! so it goes on after a kill, and any member may do it.

use std::time::Duration;

use chrono::Utc;
use orderly_sdk::{
    EventId, Meta, OutRecord,
    codec::{EncodeError, Encoders},
};
use orderly_stores::{Database, StoreError, Tx, outbox};
use tokio_util::sync::CancellationToken;

use crate::{
    NAME,
    order::{Status, Told},
    stages::Stages,
    tables::OrderRow,
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
    stages: &Stages,
    encoders: &Encoders,
    shutdown: &CancellationToken,
) {
    loop {
        let wait = match walk_due(database, stages, encoders).await {
            Ok(BATCH..) => Duration::ZERO,
            Ok(_) => TICK,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "stages wait");
                BACKOFF
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// One transaction: the orders that are due, with everything that is told of them.
async fn walk_due(
    database: &Database,
    stages: &Stages,
    encoders: &Encoders,
) -> Result<i64, WalkError> {
    let now = Utc::now();
    let next = "SELECT MIN(ends_at) FROM fulfilment_orders WHERE ends_at <= $1";
    let due = database.query(next, &[now.into()]).await?;
    let first: Option<chrono::DateTime<Utc>> = match due.first() {
        Some(row) => row.get(0)?,
        None => None,
    };
    if first.is_none() {
        return Ok(0);
    }
    let mut tx = database.begin().await?;
    let orders = OrderRow::due(&mut tx, now, BATCH).await?;
    let mut count = 0;
    for mut order in orders {
        let told = order.end_stage(stages);
        order.update(&mut tx).await?;
        tell(&mut tx, &order, told, encoders).await?;
        count += 1;
    }
    tx.commit().await?;
    Ok(count)
}

async fn tell(
    tx: &mut Tx,
    order: &OrderRow,
    told: Vec<Told>,
    encoders: &Encoders,
) -> Result<(), WalkError> {
    let cause = Meta {
        id: EventId::from_header(NAME, &order.placed_event_id),
        source: NAME.into(),
        time: Utc::now(),
        historic: order.historic,
        traceparent: order.traceparent.as_deref().map(Into::into),
    };
    let records: Vec<OutRecord> = told
        .into_iter()
        .map(|Told { at, status }| {
            let meta = cause.caused(encoders.source()).at(at);
            match status {
                Status::Confirmed(event) => encoders.record(&event, &meta),
                Status::Rejected(event) => encoders.record(&event, &meta),
                Status::StageStarted(event) => encoders.record(&event, &meta),
                Status::StageCompleted(event) => encoders.record(&event, &meta),
                Status::Ready(event) => encoders.record(&event, &meta),
                Status::Completed(event) => encoders.record(&event, &meta),
            }
        })
        .collect::<Result<_, _>>()?;
    outbox::insert(tx, &records).await?;
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum WalkError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
