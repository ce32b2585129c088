use orderly_sdk::Event;
use serde::{Deserialize, Serialize};

/// Every stage is done; the order waits to be collected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadyForPickup {
    /// The order: 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore, hyphen. The key of the
    /// record.
    pub order_id: String,
    /// Place among the statuses of this order: it only grows, and no two statuses of an order share
    /// one.
    pub sequence: i64,
    /// Event id of the event that caused this one.
    pub caused_by: String,
}

impl Event for ReadyForPickup {
    const TYPE: &'static str = "orderly.ReadyForPickup";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("ready_for_pickup.v1.avsc");

    fn key(&self) -> &str {
        &self.order_id
    }
}
