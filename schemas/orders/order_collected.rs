use orderly_sdk::Event;
use serde::{Deserialize, Serialize};

/// The customer took the order with them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderCollected {
    /// The order: 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore, hyphen. The key of the
    /// record.
    pub order_id: String,
}

impl Event for OrderCollected {
    const TYPE: &'static str = "orderly.OrderCollected";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("order_collected.v1.avsc");

    fn key(&self) -> &str {
        &self.order_id
    }
}
