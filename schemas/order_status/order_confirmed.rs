use chrono::{DateTime, Utc};
use orderly_sdk::Event;
use serde::{Deserialize, Serialize};

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
}

impl Event for OrderConfirmed {
    const TYPE: &'static str = "orderly.OrderConfirmed";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("order_confirmed.v1.avsc");

    fn key(&self) -> &str {
        &self.order_id
    }
}
