use orderly_sdk::{
    codec::{RegisterError, RegistryError},
    emit::EmitError,
    kafka::KafkaError,
};
use orderly_stores::StoreError;

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
    /// It never goes. The relay stops rather than send later records past it.
    #[error(
        "row {row} of table outbox is refused for good: {source}; mend or remove the row and start \
         the relay again"
    )]
    Refused {
        /// Its row.
        row: i64,
        /// Why, with its event type, key and topic.
        source: EmitError,
    },
}
