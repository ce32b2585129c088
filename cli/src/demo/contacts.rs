//! Whose contact was deleted since the run began: the address is then deleted from the order's mails,
//! too. No address is kept.

use std::collections::HashSet;

use orderly_schemas::contacts::TOPIC;
use orderly_sdk::{Config, kafka::KafkaError};

use super::{DemoError, since::Since};

/// The topic `contacts`, from where it ended when the run began.
pub(super) struct Contacts(Since);

impl Contacts {
    pub(super) async fn from_now(config: &Config) -> Result<Self, KafkaError> {
        Ok(Self(Since::now(config, TOPIC).await?))
    }

    /// Ids of the orders with a tombstone between there and where the topic ends now.
    pub(super) async fn deleted(&self) -> Result<HashSet<String>, DemoError> {
        let mut deleted = HashSet::new();
        self.0
            .each(|order_id, is_deleted| {
                if is_deleted {
                    deleted.insert(order_id);
                }
            })
            .await?;
        Ok(deleted)
    }
}
