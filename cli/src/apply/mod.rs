//! What topics.yaml and the schemas ask for, made true in a cluster and a registry. What is missing
//! is created; what is there is left as it is, and named where it differs.

mod carry_out;
mod plan;
mod report;

pub use plan::{Copies, Plan};
pub use report::{Differing, Report};

use orderly_sdk::{
    codec::RegistryError,
    kafka::{KafkaError, NotCreated},
};

/// Why nothing was created.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The cluster.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The broker, asked beforehand, won't.
    #[error("nothing was created: {}", lines(.0))]
    Topics(Vec<NotCreated>),
    /// Schemas that don't go with those in the registry.
    #[error(
        "nothing was created: the registry's subjects can't take these schemas: {}", lines(.0)
    )]
    Schemas(Vec<String>),
    /// `--strict-replication`.
    #[error("nothing was created: --strict-replication: {0}")]
    Copies(String),
}

fn lines<T: ToString>(all: &[T]) -> String {
    all.iter().map(|one| format!("\n  {}", one.to_string())).collect()
}
