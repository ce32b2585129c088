//! Without an Idempotency-Key: every request is an order of its own.

use orderly_schemas::ContactGiven;
use orderly_sdk::{EventId, Meta, emit::EmitError};
use tokio::time::{Duration, Instant, timeout_at};

use super::{
    Asked, Pauses, Placing, Reply, accepted,
    attempt::{self, Attempt, Outcome},
    outcome,
};
use crate::{events, order::Order, problem::Problem};

/// How long the contact of an order that wasn't written is tried to be deleted.
const TIDY_WITHIN: Duration = Duration::from_secs(600);
/// Tasks behind requests beyond which nothing is tried a second time.
const MOST_TIDYING: usize = 10_000;

impl Placing {
    /// One event and nothing else.
    pub(super) async fn direct(
        &self,
        order: Order,
        order_id: String,
        meta: Meta,
        deadline: Instant,
    ) -> Result<Reply, Problem> {
        let (_, order) = order.into_events(&order_id);
        let sent = attempt::send_by(&self.emitter, &order, &meta, deadline).await;
        let acknowledged = match sent {
            Ok(pending) => timeout_at(deadline, pending).await,
            Err(error) => Ok(Err(error)),
        };
        match acknowledged {
            Ok(Ok(receipt)) => Ok(Reply::Accepted(accepted::answer(&order_id, &receipt))),
            Ok(Err(EmitError::NotWritten(error))) => {
                Err(outcome::not_written(&order_id, &error.to_string(), error.is_final))
            }
            Ok(Err(EmitError::Unknown(error))) => {
                Err(outcome::unknown(&order_id, false, &error.to_string()))
            }
            Err(_) => Err(outcome::unknown(&order_id, false, "the deadline passed")),
        }
    }

    /// The contact, then the order; and the contact's tombstone if the order was not written.
    pub(super) async fn with_contact(
        self,
        order: Order,
        order_id: String,
        meta: Meta,
        deadline: Instant,
        asked: Asked,
    ) {
        let (contact, order) = order.into_events(&order_id);
        let contact = contact.map(|c| (c, Meta { id: EventId::new(), ..meta.clone() }));
        let attempt = Attempt { contact, order: (order, meta) };
        let reply = match attempt.emit(&self.emitter, self.last_call(deadline)).await {
            Outcome::Written(receipt) => Ok(Reply::Accepted(accepted::answer(&order_id, &receipt))),
            Outcome::Unknown { why } => Err(outcome::unknown(&order_id, false, &why)),
            Outcome::NotWritten { why, is_final, contact_lies } => {
                let _ = asked.send(Err(outcome::not_written(&order_id, &why, is_final)));
                if contact_lies {
                    self.erase_contact(&order_id, Instant::now() + TIDY_WITHIN).await;
                }
                return;
            }
        };
        let _ = asked.send(reply);
    }

    /// Deletes the contact of an order that is surely not in the topic; tries until `until`.
    pub(super) async fn erase_contact(&self, order_id: &str, until: Instant) {
        let mut pauses = Pauses::new();
        loop {
            let Err(error) = self.emitter.delete::<ContactGiven>(order_id).await else {
                return;
            };
            if self.tasks.len() > MOST_TIDYING || !pauses.next(until, &self.closing).await {
                return events::contact_left(order_id, &error.to_string());
            }
        }
    }
}
