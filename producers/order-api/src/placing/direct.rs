//! Without an Idempotency-Key: every request is an order of its own.

use orderly_schemas::{ContactGiven, OrderPlaced};
use orderly_sdk::{EventId, Meta};
use rust_decimal::Decimal;
use tokio::time::{Duration, Instant};

use super::{
    Asked, Pauses, Placing, Reply, accepted,
    attempt::{Attempt, Outcome},
    outcome,
    said::Unaccepted,
};
use crate::{caller::Caller, events, order::Order, problem::Problem};

/// How long the contact of an order that wasn't written is tried to be deleted.
const TIDY_WITHIN: Duration = Duration::from_secs(600);
/// Tasks behind requests beyond which nothing is tried a second time.
const MOST_TIDYING: usize = 10_000;

impl Placing {
    /// One event and nothing else.
    pub(super) async fn direct(
        &self,
        order: Order,
        caller: &Caller,
        total: Decimal,
        order_id: String,
        meta: Meta,
        deadline: Instant,
    ) -> Result<Reply, Problem> {
        let (_, order) = order.into_events(&order_id, caller, total);
        match self.acknowledged(&order, &meta, deadline).await {
            Ok(receipt) => Ok(Reply::Accepted(accepted::answer(&order_id, &receipt))),
            Err(Unaccepted::NotWritten { why, is_final }) => {
                Err(outcome::not_written(&order_id, &why, is_final))
            }
            Err(Unaccepted::Unknown { why }) => Err(outcome::unknown(&order_id, false, &why)),
        }
    }

    /// The contact, then the order; and the contact's tombstone if the order was not written.
    pub(super) async fn with_contact(
        self,
        (contact, order): (Option<ContactGiven>, OrderPlaced),
        order_id: String,
        meta: Meta,
        deadline: Instant,
        asked: Asked,
    ) {
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
