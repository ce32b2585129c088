//! A database for each service.

use std::sync::Arc;

use orderly_stores::{Database, StoreError};
use tempfile::TempDir;

use super::PlatformError;

/// What each service keeps its own in. Clones share it.
#[derive(Clone)]
pub struct Databases {
    /// order-api's: what Idempotency-Keys stand for.
    pub order_api: Database,
    /// catalogue's, with its outbox.
    pub catalogue: Database,
    /// users', with its outbox.
    pub users: Database,
    /// history's.
    pub history: Database,
    /// fulfilment's, with its outbox.
    pub fulfilment: Database,
    /// notifications', with its outbox.
    pub notifications: Database,
    /// A server's, not files.
    pub(crate) is_server: bool,
    /// Goes with the last clone.
    _directory: Option<Arc<TempDir>>,
}

impl Databases {
    /// SQLite files in a temporary directory, fresh for each run as the embedded broker is.
    pub(super) fn fresh() -> Result<Self, PlatformError> {
        let directory = tempfile::Builder::new()
            .prefix("orderly-")
            .tempdir()
            .map_err(PlatformError::Directory)?;
        let open = |service: &str| {
            let file = directory.path().join(format!("{service}.db"));
            Database::open(&format!("sqlite:{}", file.display()))
        };
        Ok(Self {
            order_api: open("order-api")?,
            catalogue: open("catalogue")?,
            users: open("users")?,
            history: open("history")?,
            fulfilment: open("fulfilment")?,
            notifications: open("notifications")?,
            is_server: false,
            _directory: Some(Arc::new(directory)),
        })
    }

    /// Each database that has an outbox, once: in one that is shared, all services use the same.
    pub(super) fn with_outbox(&self) -> Vec<Database> {
        let mut databases = vec![self.fulfilment.clone()];
        if self._directory.is_some() {
            let others = [&self.catalogue, &self.users, &self.notifications];
            databases.extend(others.map(Database::clone));
        }
        databases
    }

    /// One database for all of them.
    pub fn shared(url: &str) -> Result<Self, StoreError> {
        // SQLite's writers of one process take turns in one handle; between handles they wait for
        // locks. Servers give each handle connections of its own.
        let first = Database::open(url)?;
        let is_server = !url.starts_with("sqlite:");
        let open = || if is_server { Database::open(url) } else { Ok(first.clone()) };
        Ok(Self {
            order_api: open()?,
            catalogue: open()?,
            users: open()?,
            history: open()?,
            fulfilment: open()?,
            notifications: open()?,
            is_server,
            _directory: None,
        })
    }
}
