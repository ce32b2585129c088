//! What a run acts on, and where its proof reads.

use history::ReadModel;
use notifications::Mailbox;
use orderly_sdk::Config;
use orderly_stores::{Outbox, StoreError};

use crate::platform::{Databases, Platform};

/// Where the services and their stores are.
pub struct Site {
    /// Kafka and the registry.
    pub config: Config,
    /// Base URL of order-api.
    pub api: String,
    /// The services' databases.
    pub databases: Databases,
    /// What the history service kept.
    pub history: ReadModel,
    /// What the notification service sent.
    pub mailbox: Mailbox,
    /// Others may have been here, or be here: only what is the run's own counts.
    pub is_used: bool,
}

impl Site {
    /// Services that run elsewhere.
    pub async fn of_services(
        config: Config,
        api: impl Into<String>,
        databases: Databases,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            config,
            api: api.into(),
            history: ReadModel::open(&databases.history).await?,
            mailbox: Mailbox::open(&databases.notifications).await?,
            databases,
            is_used: true,
        })
    }

    /// The services of this process.
    pub async fn of_platform(platform: &Platform) -> Result<Self, StoreError> {
        let api = format!("http://{}", platform.api);
        let databases = platform.databases.clone();
        let site = Self::of_services(platform.config.clone(), api, databases).await?;
        Ok(Self { is_used: !platform.is_embedded(), ..site })
    }

    /// Nothing waits to be told.
    pub(super) async fn is_outbox_empty(&self) -> Result<bool, StoreError> {
        Outbox::new(self.databases.fulfilment.clone()).is_empty().await
    }
}
