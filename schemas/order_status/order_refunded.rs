use orderly_sdk::Event;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money;

/// Money for the order was given back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderRefunded {
    /// The order: 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore, hyphen. The key of the
    /// record.
    pub order_id: String,
    /// Place among the statuses of this order: it only grows, and no two statuses of an order share
    /// one.
    pub sequence: i64,
    /// Event id of the event that caused this one.
    pub caused_by: String,
    /// What was given back, positive, scale 2.
    #[serde(serialize_with = "money::serialize_total")]
    pub amount: Decimal,
    /// ISO 4217 code of the amount, as EUR.
    pub currency: String,
}

impl Event for OrderRefunded {
    const TYPE: &'static str = "orderly.OrderRefunded";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("order_refunded.v1.avsc");

    fn key(&self) -> &str {
        &self.order_id
    }
}
