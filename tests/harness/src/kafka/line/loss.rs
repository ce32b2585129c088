//! An answer that gets lost: the broker has done what was asked, and who asked never hears of it.

use std::time::Duration;

use tokio::sync::watch;

use super::orders::{Then, Whose};
use super::request::Api;
use crate::error::Fault;

/// The order to lose the answer to one request. Dropped before it strikes, it is withdrawn.
#[derive(Debug)]
pub struct Loss {
    api: Api,
    whose: Whose,
    then: Then,
    struck: watch::Sender<bool>,
}

impl Loss {
    pub(super) fn of(api: Api, whose: Whose, then: Then) -> Self {
        Self { api, whose, then, struck: watch::Sender::new(false) }
    }

    /// Whether an answer was lost: it had come from the broker.
    pub fn has_struck(&self) -> bool {
        *self.struck.borrow()
    }

    /// Waits until one is.
    ///
    /// # Errors
    /// None was within that time.
    pub async fn struck(&self, within: Duration) -> Result<(), Fault> {
        let mut struck = self.struck.subscribe();
        let waiting = struck.wait_for(|struck| *struck);
        let waited = tokio::time::timeout(within, waiting).await;
        waited.map(drop).map_err(|_| {
            let Self { api, whose, .. } = self;
            Fault::new(format!("within {within:?} no {api:?} of {whose:?} was answered"))
        })
    }

    pub(super) fn strike(&self) -> Then {
        self.struck.send_replace(true);
        self.then
    }

    pub(super) fn api(&self) -> Api {
        self.api
    }

    pub(super) fn whose(&self) -> &Whose {
        &self.whose
    }
}
