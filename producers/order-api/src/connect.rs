//! What has to be there before the first order: the tables, the events' schemas, the brokers.

use std::time::Duration;

use orderly_sdk::{
    Config, Health,
    codec::{RegisterError, Registry, RegistryError},
    emit::{EmitSettings, Emitter},
    kafka::KafkaError,
};
use orderly_stores::{Database, StoreError};

use crate::{
    serve::prepare,
    settings::{declares, emit_settings},
};

/// The emitter of a service with this deadline, on a database whose tables are ready then. A part
/// that is away is an error: to wait for it, use [`wait_out`](orderly_sdk::wait_out).
pub async fn connect(
    config: &Config,
    database: &Database,
    deadline: Duration,
    health: &Health,
) -> Result<Emitter, ConnectError> {
    prepare(database).await?;
    let registry = Registry::new(config)?;
    let encoders = declares().register(config, &registry).await?;
    let settings = EmitSettings { health: health.clone(), ..emit_settings(deadline) };
    Ok(Emitter::connect(config, encoders, settings).await?)
}

/// Why it can't emit.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The registry's client.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// An event's schema.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The brokers.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// Its tables can't be made ready.
    #[error(transparent)]
    Database(#[from] StoreError),
}
