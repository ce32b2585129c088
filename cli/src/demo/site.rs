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
    /// The services by which a shop is kept, where they are known to run there, too: the group of one is
    /// waited for as the others are.
    pub keepers: Option<Keepers>,
}

/// Base URLs of the services by which a shop is kept.
#[derive(Clone, Debug)]
pub struct Keepers {
    /// Products and counts.
    pub catalogue: String,
    /// Profiles.
    pub users: String,
}

impl Keepers {
    /// Those of this process.
    pub fn of_platform(platform: &Platform) -> Self {
        Self {
            catalogue: format!("http://{}", platform.catalogue_address),
            users: format!("http://{}", platform.users_address),
        }
    }
}

impl Site {
    /// Services that run elsewhere. Whether catalogue and users are among them isn't known.
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
            keepers: None,
        })
    }

    /// The services of this process.
    pub async fn of_platform(platform: &Platform) -> Result<Self, StoreError> {
        let api = format!("http://{}", platform.api);
        let databases = platform.databases.clone();
        let site = Self::of_services(platform.config.clone(), api, databases).await?;
        let keepers = Some(Keepers::of_platform(platform));
        Ok(Self { is_used: !platform.is_embedded(), keepers, ..site })
    }

    /// Nothing waits to be told, or to be asked of the payment provider.
    pub(super) async fn is_at_rest(&self) -> Result<bool, StoreError> {
        let outbox = Outbox::new(self.databases.fulfilment.clone());
        Ok(self.books.are_settled().await? && outbox.is_empty().await?)
    }
}
