use orderly_sdk::Event;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::OrderLine;
use crate::money;

/// An order was accepted, durably. Carries no personal data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderPlaced {
    /// The order: 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore, hyphen. The key of the
    /// record.
    pub order_id: String,
    /// The user who ordered; `None` for a guest.
    #[serde(default)]
    pub user_id: Option<String>,
    /// ISO 4217 code of every amount in this event, as EUR.
    pub currency: String,
    /// What was ordered, at least one line.
    pub lines: Vec<OrderLine>,
    /// Before discounts: sum of quantity times unit price over the lines, added up unrounded and
    /// rounded once, scale 2.
    #[serde(serialize_with = "money::serialize_total")]
    pub total: Decimal,
    /// Who placed it at the API: the name of the API key's owner; `None` where it came another way.
    /// Only they and operators may read it there.
    #[serde(default)]
    pub caller: Option<String>,
    /// Coupon codes given with the order, in the order given.
    #[serde(default)]
    pub coupons: Vec<String>,
    /// What the payment provider gave for the customer's card: never the card itself; `None` where
    /// nothing is to be paid this way.
    #[serde(default)]
    pub payment_token: Option<String>,
}

impl Event for OrderPlaced {
    const TYPE: &'static str = "orderly.OrderPlaced";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("order_placed.v2.avsc");

    fn key(&self) -> &str {
        &self.order_id
    }
}
