//! From a request's body to an order that can be emitted.

mod fields;
mod json;
mod read;
mod request;
mod total;

use std::fmt;

use orderly_schemas::{ContactGiven, OrderLine, OrderPlaced};
use rust_decimal::Decimal;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub(crate) use fields::{ID_RULE, is_id};
pub(crate) use read::read;
pub use request::{ContactRequest, OrderRequest, OrderRequestLine};

/// A valid order without its id. Prices have 4 decimals, the total 2.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) user_id: Option<String>,
    pub(crate) currency: String,
    pub(crate) lines: Vec<OrderLine>,
    pub(crate) total: Decimal,
    pub(crate) contact: Option<Contact>,
}

/// How to reach the customer. Never shown.
pub(crate) struct Contact {
    pub(crate) email: String,
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contact(hidden)")
    }
}

impl Order {
    /// SHA-256, in hex, of what the order says: equal for bodies that differ only in whitespace,
    /// in the order of their keys, or in how they write a price.
    pub(crate) fn hash(&self) -> String {
        // Written out rather than derived from the events' types: what is added to those must not
        // change what an Idempotency-Key stands for.
        let canonical = Canonical {
            user_id: self.user_id.as_deref(),
            currency: &self.currency,
            lines: self.lines.iter().map(CanonicalLine::of).collect(),
            email: self.contact.as_ref().map(|contact| contact.email.as_str()),
        };
        // Strings and integers under fixed names: it can't fail.
        hex::encode(Sha256::digest(serde_json::to_vec(&canonical).unwrap_or_default()))
    }

    /// The events that it becomes: its contact, if there is one, and the order.
    pub(crate) fn into_events(self, order_id: &str) -> (Option<ContactGiven>, OrderPlaced) {
        let contact = self.contact.map(|contact| ContactGiven {
            order_id: order_id.to_owned(),
            user_id: self.user_id.clone(),
            email: Some(contact.email),
            phone: None,
            callback_url: None,
        });
        let placed = OrderPlaced {
            order_id: order_id.to_owned(),
            user_id: self.user_id,
            currency: self.currency,
            lines: self.lines,
            total: self.total,
        };
        (contact, placed)
    }
}

#[derive(Serialize)]
struct Canonical<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    currency: &'a str,
    lines: Vec<CanonicalLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

#[derive(Serialize)]
struct CanonicalLine<'a> {
    sku: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    quantity: i32,
    unit_price: String,
}

impl<'a> CanonicalLine<'a> {
    fn of(line: &'a OrderLine) -> Self {
        Self {
            sku: &line.sku,
            name: line.name.as_deref(),
            quantity: line.quantity,
            unit_price: line.unit_price.to_string(),
        }
    }
}
