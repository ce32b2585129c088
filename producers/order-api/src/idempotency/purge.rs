//! Old keys are forgotten, a few at a time, beside the requests.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Records;
use crate::events;

/// Rows of one transaction: others wait while it runs.
const BATCH: u32 = 500;
const PERIOD: Duration = Duration::from_secs(60);

/// Forgets what is too old, now and every minute, until shutdown.
pub(crate) async fn purge_until(records: Records, shutdown: CancellationToken) {
    let mut turns = tokio::time::interval(PERIOD);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let forever = async {
        loop {
            turns.tick().await;
            purge(&records).await;
        }
    };
    // Cancelled half-way, a transaction leaves nothing behind.
    shutdown.run_until_cancelled(forever).await;
}

async fn purge(records: &Records) {
    loop {
        match records.purge(BATCH).await {
            Ok(0) => return,
            Ok(rows) => events::purged(rows),
            Err(error) => return events::purge_failed(&error),
        }
    }
}
