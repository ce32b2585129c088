//! A database for each service, fresh for each run as the broker is.

use orderly_stores::Database;
use tempfile::TempDir;

use super::PlatformError;

/// SQLite files in a temporary directory, which goes with this.
pub struct Databases {
    /// order-api's: what Idempotency-Keys stand for.
    pub order_api: Database,
    /// history's.
    pub history: Database,
    /// fulfilment's, with its outbox.
    pub fulfilment: Database,
    /// notifications'.
    pub notifications: Database,
    _directory: TempDir,
}

impl Databases {
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
            history: open("history")?,
            fulfilment: open("fulfilment")?,
            notifications: open("notifications")?,
            _directory: directory,
        })
    }
}
