//! Moves what services committed to their outbox table on to Kafka, in commit order per key.
//!
//! A record is marked as sent after its acknowledgement by all in-sync replicas. Killed in
//! between, the next relay sends it again under the same event id: readers know a repeat by it.
//! One relay at a time per database.

use std::time::Duration;

use orderly_sdk::{
    Config, OutRecord,
    codec::{Encoders, RegisterError, Registry, RegistryError},
    emit::{EmitError, EmitSettings, Emitter},
    kafka::KafkaError,
};
use orderly_stores::{Database, Outbox, StoreError, outbox};
use tokio_util::sync::CancellationToken;

/// The service's name.
pub const NAME: &str = "outbox-relay";

/// Records taken and in flight at once.
const BATCH: u32 = 1_000;
/// Wait after a part was away, at most.
const MOST_BACKOFF: Duration = Duration::from_secs(2);

/// What the relay needs.
pub struct Settings {
    /// Kafka.
    pub config: Config,
    /// Whose outbox.
    pub database: Database,
    /// How often it looks by itself; commits of this process wake it at once.
    pub poll: Duration,
}

/// Relays until `shutdown`; then what is in flight is finished.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> Result<(), RelayError> {
    outbox::prepare(&settings.database).await?;
    // Nothing of its own: what it sends was encoded by those who committed it.
    let registry = Registry::new(&settings.config)?;
    let encoders = Encoders::of(NAME).register(&settings.config, &registry).await?;
    let emit = EmitSettings {
        // Given up on, a record could be overtaken by a later one of its key.
        delivery_timeout: None,
        room_timeout: Duration::from_secs(3_600),
        ..EmitSettings::default()
    };
    let emitter = Emitter::connect(&settings.config, encoders, emit).await?;
    let mut outbox = Outbox::new(settings.database.clone());
    let mut backoff = Duration::from_millis(50);
    while !shutdown.is_cancelled() {
        match relay_batch(&mut outbox, &emitter).await {
            Ok(0) => {
                backoff = Duration::from_millis(50);
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = outbox.changed() => {}
                    () = tokio::time::sleep(settings.poll) => {}
                }
            }
            Ok(_) => backoff = Duration::from_millis(50),
            Err(RelayError::Refused(refused)) => return Err(RelayError::Refused(refused)),
            Err(error) => {
                tracing::warn!(%error, "the outbox waits");
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = tokio::time::sleep(backoff) => {}
                }
                backoff = (backoff * 2).min(MOST_BACKOFF);
            }
        }
    }
    Ok(())
}

/// Sends the oldest records and marks as sent those before the first that failed.
async fn relay_batch(outbox: &mut Outbox, emitter: &Emitter) -> Result<usize, RelayError> {
    let taken = outbox.take(BATCH).await?;
    let mut pending = Vec::with_capacity(taken.len());
    for (row, record) in taken {
        pending.push((row, send(emitter, record).await));
    }
    let mut sent = Vec::with_capacity(pending.len());
    let mut failed = None;
    for (row, sending) in pending {
        let outcome = match sending {
            Ok(pending) => pending.await.map(drop),
            Err(error) => Err(error),
        };
        match outcome {
            // A later one that was acknowledged after a failure goes again, behind the failed one.
            Ok(()) if failed.is_none() => sent.push(row),
            Ok(()) => {}
            Err(error) => {
                failed.get_or_insert(error);
            }
        }
    }
    outbox.sent(&sent).await?;
    metrics::counter!("orderly_outbox_relayed_total").increment(sent.len() as u64);
    match failed {
        None => Ok(sent.len()),
        Some(EmitError::NotWritten(e)) if e.is_final => {
            Err(RelayError::Refused(EmitError::NotWritten(e)))
        }
        Some(error) => Err(RelayError::Waits(error)),
    }
}

async fn send(
    emitter: &Emitter,
    record: OutRecord,
) -> Result<orderly_sdk::emit::Pending, EmitError> {
    emitter.send_encoded(record).await
}

/// Why the relay can't start or go on.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The outbox's database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The registry's address.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Never: it registers nothing.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// Later it may go; the relay tries again by itself.
    #[error("a record of the outbox waits")]
    Waits(#[source] EmitError),
    /// It never will. The relay stops rather than send later records past it.
    #[error("the outbox's oldest record is refused for good; remove or mend its row to go on")]
    Refused(#[source] EmitError),
}
