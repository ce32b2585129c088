//! Whether keys can be kept just now, asked beside the requests: readiness tells it also while none
//! comes, and while the database answers and still takes nothing.

use std::time::Duration;

use orderly_sdk::Health;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::Records;

const PERIOD: Duration = Duration::from_secs(1);
/// Longest that the database may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks every second, until shutdown; tells `health` while the database is away.
pub(crate) async fn watch_until(records: Records, health: Health, shutdown: CancellationToken) {
    let mut turns = interval(PERIOD);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let forever = async {
        let mut away = None;
        loop {
            turns.tick().await;
            // What failed to write is believed only when it writes again.
            let must_write = records.has_failed() || away.is_some();
            let why = match timeout(PATIENCE, look(&records, must_write)).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("it doesn't answer in time".to_owned()),
            };
            if away.is_none()
                && let Some(why) = &why
            {
                tracing::warn!(why, "Idempotency-Keys can't be kept: the database is away");
            }
            if away.is_some() && why.is_none() {
                tracing::info!("Idempotency-Keys can be kept again");
            }
            let told = why.map(|why| health.away("database", &why));
            drop(std::mem::replace(&mut away, told));
        }
    };
    shutdown.run_until_cancelled(forever).await;
}

async fn look(records: &Records, must_write: bool) -> Result<(), orderly_stores::StoreError> {
    if must_write { records.can_write().await } else { records.can_read().await }
}
