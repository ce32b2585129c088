//! The relay: batch after batch, and what it does when one doesn't go.

use std::{error::Error, future, time::Duration};

use orderly_sdk::{Config, Health, away, wait_out};
use orderly_stores::{Database, Outbox, StoreError, outbox};
use tokio_util::sync::CancellationToken;

use crate::{
    RelayError,
    producers::Producers,
    relay_batch::{Relayed, is_final, relay_batch},
};

/// How often it looks where others than its own process commit.
pub const POLL: Duration = Duration::from_millis(5);
/// Records taken and in flight at once.
const BATCH: u32 = 1_000;
/// Wait after a part was away, first and at most.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const MOST_BACKOFF: Duration = Duration::from_secs(2);
/// How long what is in flight may take once the relay is to stop.
const DRAIN: Duration = Duration::from_secs(3);
/// How long giving the buckets back may take.
const LEAVE: Duration = Duration::from_secs(1);

/// What the relay needs.
pub struct Settings {
    /// Kafka.
    pub config: Config,
    /// Whose outbox.
    pub database: Database,
    /// How often it looks by itself; commits of this process wake it at once.
    pub poll: Duration,
    /// How long its leases last: so long its keys wait when it ends without a word.
    pub lease: Duration,
    /// Told which parts are away.
    pub health: Health,
}

/// Relays until `shutdown`; then what is in flight is finished, for at most 3 s. Parts that are
/// away are waited for, also at the start.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> Result<(), RelayError> {
    let Settings { config, database, poll, lease, health } = settings;
    let getting_ready = wait_out(&health, || async {
        outbox::prepare(&database).await?;
        Producers::connect(&config, &health).await
    });
    let Some(ready) = shutdown.run_until_cancelled(getting_ready).await else {
        return Ok(());
    };
    let producers = ready?;
    health.started();
    let outbox = Outbox::leasing(database, lease);
    let (leases, give_up) = (outbox.leases().clone(), CancellationToken::new());
    let ended = tokio::select! {
        ended = relay(outbox, producers, &health, poll, &shutdown, &give_up) => ended,
        // While records are under way, however long.
        () = leases.renew() => Ok(()),
        () = drain(&shutdown, &give_up) => Ok(()),
    };
    if !matches!(tokio::time::timeout(LEAVE, leases.leave()).await, Ok(Ok(()))) {
        tracing::warn!("its buckets are free only when their lease is over");
    }
    ended
}

async fn relay(
    mut outbox: Outbox,
    mut producers: Producers,
    health: &Health,
    poll: Duration,
    shutdown: &CancellationToken,
    give_up: &CancellationToken,
) -> Result<(), RelayError> {
    let (mut most, mut backoff) = (BATCH, FIRST_BACKOFF);
    // Says that a part is away for as long as the outbox waits for it.
    let mut waiting = None;
    while !shutdown.is_cancelled() {
        let relayed = relay_batch(&mut outbox, &producers, most, give_up).await;
        producers.mend().await;
        let waits: Box<dyn Error + Send + Sync> = match relayed {
            Ok(Relayed { failed: None, sent }) => {
                (most, backoff) = (most.saturating_mul(2).min(BATCH), FIRST_BACKOFF);
                waiting = None;
                if sent == 0 {
                    let rest = poll.min(outbox.leases().due());
                    tokio::select! {
                        () = shutdown.cancelled() => {}
                        () = outbox.changed() => {}
                        () = tokio::time::sleep(rest) => {}
                    }
                }
                continue;
            }
            Ok(Relayed { failed: Some((row, source)), .. }) if is_final(&source) => {
                if most == 1 {
                    return Err(RelayError::Refused { row, source });
                }
                // It may be that only the records that shared its batch were too many.
                most = 1;
                continue;
            }
            Ok(Relayed { failed: Some((_, source)), .. }) => source.into(),
            Err(error) if passes(&error) => error.into(),
            Err(error) => return Err(error.into()),
        };
        tracing::warn!(error = &*waits as &dyn Error, "the outbox waits");
        let told = away(&*waits).map(|part| health.away(part.part, &part.message));
        drop(std::mem::replace(&mut waiting, told));
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(backoff) => {}
        }
        backoff = (backoff * 2).min(MOST_BACKOFF);
    }
    Ok(())
}

/// Has what is in flight given up some time after the relay is to stop. Ends never.
async fn drain(shutdown: &CancellationToken, give_up: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(DRAIN).await;
    give_up.cancel();
    future::pending::<()>().await;
}

/// Whether the database's error is over some time, with nobody mending a row.
fn passes(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(_) | StoreError::Over { .. })
}
