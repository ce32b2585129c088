//! What a run acts on, and where its proof reads.

use fulfilment::Books;
use fulfilment_payment::Simulated;
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
    /// Fulfilment's stock and payments.
    pub books: Books,
    /// What the payment provider did: the demo's cards are simulated ones.
    pub provider: Simulated,
    /// Others may have been here, or be here: only what is the run's own counts.
    pub is_used: bool,
    /// The users service runs there, too: its group is waited for as the others are.
    pub has_users: bool,
}

impl Site {
    /// Services that run elsewhere. Whether users is among them isn't known.
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
            books: Books::open(&databases.fulfilment).await?,
            provider: Simulated::open(databases.fulfilment.clone()).await?,
            databases,
            is_used: true,
            has_users: false,
        })
    }

    /// The services of this process.
    pub async fn of_platform(platform: &Platform) -> Result<Self, StoreError> {
        let api = format!("http://{}", platform.api);
        let databases = platform.databases.clone();
        let site = Self::of_services(platform.config.clone(), api, databases).await?;
        Ok(Self { is_used: !platform.is_embedded(), has_users: true, ..site })
    }

    /// Nothing waits to be told, or to be asked of the payment provider.
    pub(super) async fn is_at_rest(&self) -> Result<bool, StoreError> {
        let outbox = Outbox::new(self.databases.fulfilment.clone());
        Ok(self.books.are_settled().await? && outbox.is_empty().await?)
    }
}
