//! What the service gets from whoever starts it.

use orderly_schemas::{ProductChanged, StockCounted};
use orderly_sdk::{
    Config, Health,
    codec::{Declared, Encoders},
};
use orderly_stores::Database;
use orderly_web::ApiKeys;

/// The service's name.
pub const NAME: &str = "catalogue";

/// The parts and the bounds of one catalogue.
#[derive(Clone)]
pub struct Settings {
    /// The registry. Kafka is the relay's.
    pub config: Config,
    /// Its own tables and its outbox. Replicas share it.
    pub database: Database,
    /// Who is let in. Everybody of them reads, operators change.
    pub keys: ApiKeys,
    /// Requests being worked on at once; one more is answered 503.
    pub most_requests: usize,
    /// Told which parts are away.
    pub health: Health,
}

impl Settings {
    /// These parts, and the usual bounds. Everybody is let in until there are other
    /// [`keys`](Self::keys).
    pub fn new(config: Config, database: Database) -> Self {
        let keys = ApiKeys::anonymous();
        Self { config, database, keys, most_requests: 1_024, health: Health::of(NAME) }
    }
}

/// Every event type that the service emits.
pub fn declares() -> Declared {
    Encoders::of(NAME).event::<ProductChanged>().event::<StockCounted>()
}
