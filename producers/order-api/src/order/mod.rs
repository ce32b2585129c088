//! From a request's body to an order that can be emitted.

mod fields;
mod found;
mod price;
mod read;
mod request;
mod short;
mod total;

use std::fmt;

use orderly_schemas::{ContactGiven, OrderLine, OrderPlaced};
use orderly_web::json;
use rust_decimal::Decimal;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::caller::Caller;

pub(crate) use fields::{ID_RULE, is_id};
pub use price::Prices;
pub(crate) use read::read;
pub use request::{
    CancellationRequest, ContactRequest, OrderRequest, OrderRequestLine, ReturnRequest,
    ReturnRequestLine,
};
pub(crate) use short::{Return, nothing, reason, returned};
pub(crate) use total::total;

/// What a valid body asks for: an order without id and total. Prices have 4 decimals.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) user_id: Option<String>,
    pub(crate) currency: String,
    pub(crate) lines: Vec<OrderLine>,
    /// Numbers of the lines whose price the body doesn't give.
    without_price: Vec<usize>,
    pub(crate) contact: Option<Contact>,
    coupons: Vec<String>,
    payment_token: Option<PaymentToken>,
}

/// How to reach the customer. Never shown.
pub(crate) struct Contact {
    email: Option<String>,
    phone: Option<String>,
    callback_url: Option<String>,
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contact(hidden)")
    }
}

/// What the payment provider gave for the customer's card. Never shown.
pub(crate) struct PaymentToken(String);

impl fmt::Debug for PaymentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaymentToken(hidden)")
    }
}

impl Order {
    /// SHA-256, in hex, of what the order says: equal for bodies that differ only in whitespace,
    /// in the order of their keys, or in how they write a price. To be asked before it is priced.
    pub(crate) fn hash(&self) -> String {
        let contact = self.contact.as_ref();
        // Written out rather than derived from the events' types: what is added to those must not
        // change what an Idempotency-Key stands for.
        let canonical = Canonical {
            user_id: self.user_id.as_deref(),
            currency: &self.currency,
            lines: self.canonical_lines(),
            email: contact.and_then(|contact| contact.email.as_deref()),
            phone: contact.and_then(|contact| contact.phone.as_deref()),
            callback_url: contact.and_then(|contact| contact.callback_url.as_deref()),
            coupons: &self.coupons,
            payment_token: self.payment_token.as_ref().map(|token| token.0.as_str()),
        };
        // Strings and integers under fixed names: it can't fail.
        hex::encode(Sha256::digest(serde_json::to_vec(&canonical).unwrap_or_default()))
    }

    fn canonical_lines(&self) -> Vec<CanonicalLine<'_>> {
        let mut lines: Vec<_> = self.lines.iter().map(CanonicalLine::of).collect();
        for number in &self.without_price {
            if let Some(line) = lines.get_mut(*number) {
                line.unit_price = None;
            }
        }
        lines
    }

    /// The events that it becomes once it is priced: its contact, if there is one, and the order,
    /// which says who placed it.
    pub(crate) fn into_events(
        self,
        order_id: &str,
        caller: &Caller,
        total: Decimal,
    ) -> (Option<ContactGiven>, OrderPlaced) {
        let contact = self.contact.map(|contact| ContactGiven {
            order_id: order_id.to_owned(),
            user_id: self.user_id.clone(),
            email: contact.email,
            phone: contact.phone,
            callback_url: contact.callback_url,
            caller: caller.owner().map(str::to_owned),
        });
        let placed = OrderPlaced {
            order_id: order_id.to_owned(),
            user_id: self.user_id,
            currency: self.currency,
            lines: self.lines,
            total,
            caller: caller.owner().map(str::to_owned),
            coupons: self.coupons,
            payment_token: self.payment_token.map(|token| token.0),
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
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    coupons: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_token: Option<&'a str>,
}

#[derive(Serialize)]
struct CanonicalLine<'a> {
    sku: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    quantity: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_price: Option<String>,
}

impl<'a> CanonicalLine<'a> {
    fn of(line: &'a OrderLine) -> Self {
        Self {
            sku: &line.sku,
            name: line.name.as_deref(),
            quantity: line.quantity,
            unit_price: Some(line.unit_price.to_string()),
        }
    }
}
