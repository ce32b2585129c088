//! The relay: batch after batch, and what it does when one doesn't go.

use std::{error::Error, pin::pin, time::Duration};

use orderly_sdk::{
    Config, Health, away,
    codec::{Encoders, Registry},
    emit::{EmitSettings, Emitter},
    wait_out,
};
use orderly_stores::{Database, Outbox, StoreError, outbox};
use tokio_util::sync::CancellationToken;

use crate::{
    NAME, RelayError,
    relay_batch::{Relayed, is_final, relay_batch},
};

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
    let config = keeping_order(config);
    let getting_ready = wait_out(&health, || async {
        outbox::prepare(&database).await?;
        connect(&config, &health).await
    });
    let Some(ready) = shutdown.run_until_cancelled(getting_ready).await else {
        return Ok(());
    };
    let emitter = ready?;
    health.started();
    let outbox = Outbox::leasing(database, lease);
    let leases = outbox.leases().clone();
    let ended = tokio::select! {
        ended = relay(outbox, emitter, &config, &health, poll, &shutdown) => ended,
        // While records are under way, however long.
        () = leases.renew() => Ok(()),
    };
    if !matches!(tokio::time::timeout(LEAVE, leases.leave()).await, Ok(Ok(()))) {
        tracing::warn!("its buckets are free only when their lease is over");
    }
    ended
}

async fn relay(
    mut outbox: Outbox,
    mut emitter: Emitter,
    config: &Config,
    health: &Health,
    poll: Duration,
    shutdown: &CancellationToken,
) -> Result<(), RelayError> {
    let mut give_up = pin!(async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    });
    let (mut most, mut backoff) = (BATCH, FIRST_BACKOFF);
    // Says that a part is away for as long as the outbox waits for it.
    let mut waiting = None;
    while !shutdown.is_cancelled() {
        let relayed = relay_batch(&mut outbox, &emitter, most, give_up.as_mut()).await;
        if let Some(why) = emitter.fatal_error() {
            tracing::warn!(why, "a new producer for the outbox");
            match connect(config, health).await {
                Ok(new) => {
                    let broken = std::mem::replace(&mut emitter, new);
                    // Closing it blocks for a moment.
                    tokio::task::spawn_blocking(move || drop(broken));
                }
                // Tried again after the backoff that follows.
                Err(error) => tracing::warn!(error = &error as &dyn Error, "no new producer yet"),
            }
        }
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

async fn connect(config: &Config, health: &Health) -> Result<Emitter, RelayError> {
    // Nothing of its own: what it sends was encoded by those who committed it.
    let encoders = Encoders::of(NAME).register(config, &Registry::new(config)?).await?;
    // Given up on, a record could be overtaken by a later one of its key.
    let (delivery_timeout, health) = (None, health.clone());
    let emit = EmitSettings { delivery_timeout, health, ..EmitSettings::default() };
    Ok(Emitter::connect(config, encoders, emit).await?)
}

/// A producer of this configuration gives up on no record, and where one is refused, on all that
/// are in flight behind it. One request at a time: a partition that doesn't know the producer yet,
/// or no more, takes whatever comes first, so a second one could be written where the first was
/// not (KAFKA-14359).
fn keeping_order(mut config: Config) -> Config {
    const OVERTAKING: [&str; 4] = [
        "message.timeout.ms",
        "delivery.timeout.ms",
        "max.in.flight",
        "max.in.flight.requests.per.connection",
    ];
    config.properties.retain(|(name, _)| !OVERTAKING.contains(&name.as_str()));
    config
        .with_property("max.in.flight.requests.per.connection", "1")
        .with_property("enable.gapless.guarantee", "true")
}

/// Whether the database's error is over some time, with nobody mending a row.
fn passes(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(_) | StoreError::Over { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_property_lets_a_record_be_given_up_or_overtaken() {
        let mut config = Config::new("broker:9092", "http://registry:8081");
        for (name, value) in [
            ("message.timeout.ms", "1000"),
            ("enable.gapless.guarantee", "false"),
            ("max.in.flight", "5"),
            ("delivery.timeout.ms", "1000"),
            ("linger.ms", "5"),
        ] {
            config = config.with_property(name, value);
        }
        let properties = keeping_order(config).properties;

        let last = |name| properties.iter().rfind(|(n, _)| n == name).map(|(_, value)| &**value);
        assert_eq!(last("message.timeout.ms"), None);
        assert_eq!(last("delivery.timeout.ms"), None);
        assert_eq!(last("max.in.flight"), None);
        assert_eq!(last("max.in.flight.requests.per.connection"), Some("1"));
        assert_eq!(last("enable.gapless.guarantee"), Some("true"));
        assert_eq!(last("linger.ms"), Some("5"));
    }
}
