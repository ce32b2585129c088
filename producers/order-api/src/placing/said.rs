//! One event and nothing else, acknowledged or not.

use orderly_sdk::{
    Event, Meta,
    emit::{EmitError, Receipt},
};
use tokio::time::{Instant, timeout_at};

use super::{Placing, attempt, outcome};
use crate::problem::Problem;

/// Why an event isn't known to be written.
pub(super) enum Unaccepted {
    NotWritten {
        why: String,
        /// It never will be.
        is_final: bool,
    },
    Unknown {
        why: String,
    },
}

impl Placing {
    /// Emits what somebody says of the order, under an id that is the same in every attempt. Three
    /// outcomes, as of an order.
    pub(crate) async fn say<E: Event>(
        &self,
        event: &E,
        order_id: &str,
        meta: &Meta,
        deadline: Instant,
    ) -> Result<Receipt, Problem> {
        self.acknowledged(event, meta, deadline).await.map_err(|unaccepted| match unaccepted {
            Unaccepted::NotWritten { why, is_final } => outcome::not_said(order_id, &why, is_final),
            Unaccepted::Unknown { why } => outcome::perhaps_said(order_id, &why),
        })
    }

    pub(super) async fn acknowledged<E: Event>(
        &self,
        event: &E,
        meta: &Meta,
        deadline: Instant,
    ) -> Result<Receipt, Unaccepted> {
        let sent = attempt::send_by(&self.emitter, event, meta, deadline).await;
        let acknowledged = match sent {
            Ok(pending) => timeout_at(deadline, pending).await,
            Err(error) => Ok(Err(error)),
        };
        match acknowledged {
            Ok(Ok(receipt)) => Ok(receipt),
            Ok(Err(EmitError::NotWritten(error))) => {
                Err(Unaccepted::NotWritten { why: error.to_string(), is_final: error.is_final })
            }
            Ok(Err(EmitError::Unknown(error))) => {
                Err(Unaccepted::Unknown { why: error.to_string() })
            }
            Err(_) => Err(Unaccepted::Unknown { why: "the deadline passed".to_owned() }),
        }
    }
}
