//! What the service gets from whoever starts it.

use orderly_schemas::{ContactGiven, UserChanged};
use orderly_sdk::{
    Config, Health,
    codec::{Declared, Encoders},
    consume::Limits,
};
use orderly_stores::Database;
use orderly_web::ApiKeys;

/// The service's name, and its group's.
pub const NAME: &str = "users";

/// The parts and the bounds of one users service.
#[derive(Clone)]
pub struct Settings {
    /// Kafka and the registry.
    pub config: Config,
    /// Its own tables, its outbox and the group's positions.
    pub database: Database,
    /// The Kafka cluster's id: positions kept for another one are refused.
    pub cluster_id: String,
    /// Members of the group to run. With none it only answers.
    pub members: usize,
    /// Bounds of each member.
    pub limits: Limits,
    /// Who is let in; only operators are answered.
    pub keys: ApiKeys,
    /// Requests being worked on at once; one more is answered 503.
    pub most_requests: usize,
    /// Told which parts are away, and that members have joined.
    pub health: Health,
}

impl Settings {
    /// One member and the usual bounds. Everybody is let in until there are other
    /// [`keys`](Self::keys).
    pub fn new(config: Config, database: Database, cluster_id: impl Into<String>) -> Self {
        Self {
            config,
            database,
            cluster_id: cluster_id.into(),
            members: 1,
            limits: Limits::small(),
            keys: ApiKeys::anonymous(),
            most_requests: 1_024,
            health: Health::of(NAME),
        }
    }
}

/// Every event type that the service emits. Of contacts only tombstones.
pub fn declares() -> Declared {
    Encoders::of(NAME).event::<UserChanged>().event::<ContactGiven>()
}
