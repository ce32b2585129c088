//! One attempt: the contact first, then the order, each acknowledged before the next.

use orderly_schemas::{ContactGiven, OrderPlaced};
use orderly_sdk::{
    Event, Meta,
    emit::{EmitError, Emitter, Pending, Receipt},
};
use tokio::time::{Instant, timeout_at};

/// What is to be emitted, and as what.
pub(super) struct Attempt {
    pub(super) contact: Option<(ContactGiven, Meta)>,
    pub(super) order: (OrderPlaced, Meta),
}

/// What became of the order.
#[derive(Debug)]
pub(super) enum Outcome {
    Written(Receipt),
    NotWritten {
        why: String,
        /// It never will be.
        is_final: bool,
        /// Its contact is, or may be.
        contact_lies: bool,
    },
    Unknown {
        why: String,
    },
}

impl Attempt {
    pub(super) fn order_id(&self) -> &str {
        &self.order.0.order_id
    }

    /// Emits. What can't be sent by `last_call` is not sent; what is sent is waited for.
    pub(super) async fn emit(&self, emitter: &Emitter, last_call: Instant) -> Outcome {
        let mut contact_lies = false;
        if let Some((contact, meta)) = &self.contact {
            match acknowledged(emitter, contact, meta, last_call).await {
                Ok(_) => contact_lies = true,
                // The order wasn't even tried.
                Err(EmitError::NotWritten(e)) => {
                    let (why, is_final) = (e.to_string(), e.is_final);
                    return Outcome::NotWritten { why, is_final, contact_lies: false };
                }
                Err(EmitError::Unknown(e)) => {
                    let why = e.to_string();
                    return Outcome::NotWritten { why, is_final: false, contact_lies: true };
                }
            }
        }
        match acknowledged(emitter, &self.order.0, &self.order.1, last_call).await {
            Ok(receipt) => Outcome::Written(receipt),
            Err(EmitError::NotWritten(e)) => {
                Outcome::NotWritten { why: e.to_string(), is_final: e.is_final, contact_lies }
            }
            Err(EmitError::Unknown(e)) => Outcome::Unknown { why: e.to_string() },
        }
    }
}

async fn acknowledged<E: Event>(
    emitter: &Emitter,
    event: &E,
    meta: &Meta,
    last_call: Instant,
) -> Result<Receipt, EmitError> {
    send_by(emitter, event, meta, last_call).await?.await
}

/// Sends, unless there is no room by `last_call`: then nothing was sent.
pub(super) async fn send_by<E: Event>(
    emitter: &Emitter,
    event: &E,
    meta: &Meta,
    last_call: Instant,
) -> Result<Pending, EmitError> {
    timeout_at(last_call, emitter.send(event, meta)).await.unwrap_or_else(|_| {
        Err(EmitError::NotWritten(Box::new(orderly_sdk::emit::NotWritten {
            event: E::TYPE.into(),
            topic: E::TOPIC.into(),
            key: event.key().into(),
            why: "the deadline passed without room among the events in flight".into(),
            is_final: false,
            away: None,
        })))
    })
}
