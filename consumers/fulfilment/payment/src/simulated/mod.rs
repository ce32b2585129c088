//! A provider that moves no money, on a database.

mod perform;
mod tables;
mod tokens;
mod totals;

use std::pin::Pin;

use orderly_stores::{Database, StoreError};

pub use self::totals::{OpenAuthorisation, Totals};
use crate::{PaymentError, Provider, Reply, Request};

/// A payment sandbox: nothing is charged, and everything else is as with a provider outside. What it
/// answered lasts, and whoever opens the same database shares it.
#[derive(Clone)]
pub struct Simulated {
    database: Database,
}

impl Simulated {
    /// Opens it, with its tables. Its transactions are its own: none of a caller's is seen or held.
    pub async fn open(database: Database) -> Result<Self, StoreError> {
        database.migrate("payment_sandbox", tables::MIGRATIONS).await?;
        Ok(Self { database })
    }

    /// Begins or ends an outage, in which it answers everybody [`PaymentError::Unavailable`].
    pub async fn set_outage(&self, away: bool) -> Result<(), StoreError> {
        let mut tx = self.database.begin().await?;
        let sql = "UPDATE payment_sandbox_outage SET away = $1";
        tx.execute(sql, &[away.into()]).await?;
        tx.commit().await
    }
}

impl Provider for Simulated {
    fn perform<'a>(
        &'a self,
        request: &'a Request,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, PaymentError>> + Send + 'a>> {
        Box::pin(perform::perform(&self.database, request))
    }
}
