//! Why a run ended before its proof.

use history::SumError;
use importer::{EmitDocumentsError, FillError, OpenError};
use orderly_sdk::{
    codec::{RegisterError, RegistryError},
    kafka::KafkaError,
};
use orderly_stores::StoreError;

use super::{customers::CustomersError, observe::ObserveError};
use crate::{check_retention::RetentionError, platform::PlatformError};

/// Why a run ended before its proof.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// It could outgrow the embedded broker.
    #[error("{0}")]
    TooLarge(String),
    /// The file can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file, or what was to be emitted from it.
    #[error(transparent)]
    Import(#[from] EmitDocumentsError),
    /// What the file sells can't be filled in.
    #[error(transparent)]
    Fill(#[from] FillError),
    /// A topic would lose what is imported.
    #[error(transparent)]
    Retention(#[from] RetentionError),
    /// The platform.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// A service failed in the middle.
    #[error("{0}")]
    Service(String),
    /// The topics can't be read along.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// Nobody collects.
    #[error(transparent)]
    Customers(#[from] CustomersError),
    /// A store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store's sums.
    #[error(transparent)]
    Sum(#[from] SumError),
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A schema.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The generator's HTTP client.
    #[error("the generator's HTTP client")]
    Http(#[source] reqwest::Error),
    /// A part of the demo ended.
    #[error("{0}")]
    Ended(String),
}
