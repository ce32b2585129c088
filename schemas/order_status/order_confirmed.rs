use chrono::{DateTime, Utc};
use orderly_sdk::Event;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money;

/// The order will be made: stock is held for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderConfirmed {
    /// The order: 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore, hyphen. The key of the
    /// record.
    pub order_id: String,
    /// Place among the statuses of this order: it only grows, and no two statuses of an order share
    /// one.
    pub sequence: i64,
    /// Event id of the event that caused this one.
    pub caused_by: String,
    /// When it is expected to be ready for pickup; `None` if that is not foreseen.
    #[serde(default, with = "chrono::serde::ts_milliseconds_option")]
    pub ready_at: Option<DateTime<Utc>>,
    /// What discount rules gave, in the order in which they were applied.
    #[serde(default)]
    pub discounts: Vec<Discount>,
    /// The order's total less its discounts, at least 0, scale 2, in the order's currency; `None`
    /// from a writer of version 1.
    #[serde(default, serialize_with = "money::serialize_optional_total")]
    pub to_pay: Option<Decimal>,
}

/// What one rule gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    /// The rule's name.
    pub rule: String,
    /// The coupon code that brought it; `None` where none did.
    #[serde(default)]
    pub coupon: Option<String>,
    /// The product it is on; `None` where it is on the order.
    #[serde(default)]
    pub sku: Option<String>,
    /// What it takes off, positive, scale 2, in the order's currency.
    #[serde(serialize_with = "money::serialize_total")]
    pub amount: Decimal,
}

impl Event for OrderConfirmed {
    const TYPE: &'static str = "orderly.OrderConfirmed";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("order_confirmed.v2.avsc");

    fn key(&self) -> &str {
        &self.order_id
    }
}
