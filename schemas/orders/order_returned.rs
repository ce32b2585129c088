use orderly_sdk::Event;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::OrderLine;
use crate::money;

/// Goods came back, under a number of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderReturned {
    /// Number of the return itself, not of the sale; written like an order id. The key of the
    /// record.
    pub order_id: String,
    /// The sale the goods come from; `None` where that is not known.
    #[serde(default)]
    pub original_order_id: Option<String>,
    /// The user who returned them; `None` for a guest.
    #[serde(default)]
    pub user_id: Option<String>,
    /// ISO 4217 code of every amount in this event, as EUR.
    pub currency: String,
    /// What came back, at least one line. Quantities are positive.
    pub lines: Vec<OrderLine>,
    /// What the goods came to, positive, scale 2: added up unrounded and rounded once.
    #[serde(serialize_with = "money::serialize_total")]
    pub total: Decimal,
    /// Why they came back. Never personal data.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Event for OrderReturned {
    const TYPE: &'static str = "orderly.OrderReturned";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("order_returned.v2.avsc");

    fn key(&self) -> &str {
        &self.order_id
    }
}
