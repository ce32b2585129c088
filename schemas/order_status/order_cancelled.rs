use orderly_sdk::Event;
use serde::{Deserialize, Serialize};

/// The order was cancelled. What was held for it is free again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderCancelled {
    /// The order: 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore, hyphen. The key of the
    /// record.
    pub order_id: String,
    /// Place among the statuses of this order: it only grows, and no two statuses of an order share
    /// one.
    pub sequence: i64,
    /// Event id of the event that caused this one.
    pub caused_by: String,
    /// Why, fit to be shown to the customer. Never personal data.
    pub reason: String,
}

impl Event for OrderCancelled {
    const TYPE: &'static str = "orderly.OrderCancelled";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("order_cancelled.v1.avsc");

    fn key(&self) -> &str {
        &self.order_id
    }
}
