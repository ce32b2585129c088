use orderly_sdk::Event;
use serde::{Deserialize, Serialize};

/// Stock of a product as it was counted. Replaces the count before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StockCounted {
    /// The product. The key of the record.
    pub sku: String,
    /// Pieces on hand at the count, those held for orders included; at least 0.
    pub on_hand: i32,
}

impl Event for StockCounted {
    const TYPE: &'static str = "orderly.StockCounted";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("stock_counted.v1.avsc");

    fn key(&self) -> &str {
        &self.sku
    }
}
