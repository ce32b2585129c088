use orderly_sdk::Event;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money;

/// A product as it is now. Replaces what was known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductChanged {
    /// The product. The key of the record.
    pub sku: String,
    /// Name to show.
    pub name: String,
    /// What it is, in a sentence or two.
    #[serde(default)]
    pub description: Option<String>,
    /// What it is listed under; discount rules may name it.
    #[serde(default)]
    pub category: Option<String>,
    /// Price of one piece, scale 4.
    #[serde(serialize_with = "money::serialize_unit_price")]
    pub price: Decimal,
    /// ISO 4217 code of the price, as EUR.
    pub currency: String,
    /// Whether it can be ordered.
    pub state: ProductState,
}

/// Whether a product can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ProductState {
    /// It can be ordered.
    Active,
    /// It can no longer be ordered.
    Withdrawn,
    /// A symbol that a later version added.
    #[serde(other)]
    Unknown,
}

impl Event for ProductChanged {
    const TYPE: &'static str = "orderly.ProductChanged";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("product_changed.v1.avsc");

    fn key(&self) -> &str {
        &self.sku
    }
}
