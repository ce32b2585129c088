use orderly_sdk::Event;
use serde::{Deserialize, Serialize};

/// The order can no longer be cancelled: it goes on as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderCancellationRefused {
    /// The order: 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore, hyphen. The key of the
    /// record.
    pub order_id: String,
    /// Place among the statuses of this order: it only grows, and no two statuses of an order share
    /// one.
    pub sequence: i64,
    /// Event id of the event that caused this one.
    pub caused_by: String,
    /// Why it can't be, fit to be shown to the customer. Never personal data.
    pub reason: String,
}

impl Event for OrderCancellationRefused {
    const TYPE: &'static str = "orderly.OrderCancellationRefused";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("order_cancellation_refused.v1.avsc");

    fn key(&self) -> &str {
        &self.order_id
    }
}
