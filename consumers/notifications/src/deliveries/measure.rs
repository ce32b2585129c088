//! How much is due, and for how long.

use std::time::Duration;

use chrono::{DateTime, Utc};
use metrics::gauge;
use orderly_schemas::Channel;
use orderly_stores::{Database, StoreError};
use tokio_util::sync::CancellationToken;

use super::rows::channel_word;

const PERIOD: Duration = Duration::from_secs(5);

/// Tells the metrics until `shutdown`. What can't be read now is told the next time.
pub(crate) async fn measure_until(database: Database, shutdown: CancellationToken) {
    let measuring = async {
        loop {
            if let Err(error) = measure(&database).await {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "what is due isn't known"
                );
            }
            tokio::time::sleep(PERIOD).await;
        }
    };
    shutdown.run_until_cancelled(measuring).await;
}

async fn measure(database: &Database) -> Result<(), StoreError> {
    let now = Utc::now();
    for channel in [Channel::Email, Channel::Sms, Channel::Webhook] {
        let word = channel_word(channel);
        // What waits for its next try, or is on its way, is due later.
        let sql = "SELECT COUNT(*), MIN(due_at) FROM notifications_deliveries
                   WHERE channel = $1 AND due_at <= $2";
        let Some(row) = database.query_opt(sql, &[word.into(), now.into()]).await? else {
            return Ok(());
        };
        let count: i64 = row.get(0)?;
        let oldest: Option<DateTime<Utc>> = row.get(1)?;
        let waits = oldest.map_or(0, |oldest| (now - oldest).num_seconds().max(0));
        #[allow(clippy::cast_precision_loss)] // nobody counts to 2^52 here
        {
            gauge!("orderly_notifications_due", "channel" => word).set(count as f64);
            gauge!("orderly_notifications_oldest_due_seconds", "channel" => word).set(waits as f64);
        }
    }
    Ok(())
}
