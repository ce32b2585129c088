use orderly_sdk::Event;
use serde::{Deserialize, Serialize};

/// Someone asked to cancel an order. Whether it still can be is answered on `order-status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderCancellationRequested {
    /// The order: 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore, hyphen. The key of the
    /// record.
    pub order_id: String,
    /// Why, in a few words. Never personal data.
    #[serde(default)]
    pub reason: Option<String>,
    /// Who asked.
    pub requested_by: RequestedBy,
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RequestedBy {
    /// The customer.
    Customer,
    /// Someone of the shop.
    Operator,
    /// A symbol that a later version added.
    #[serde(other)]
    Unknown,
}

impl Event for OrderCancellationRequested {
    const TYPE: &'static str = "orderly.OrderCancellationRequested";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("order_cancellation_requested.v1.avsc");

    fn key(&self) -> &str {
        &self.order_id
    }
}
