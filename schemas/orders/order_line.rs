use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money;

/// One line of an order or of a return.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderLine {
    /// The product.
    pub sku: String,
    /// Name of the product as it was shown, if the writer knew it.
    #[serde(default)]
    pub name: Option<String>,
    /// What the product is listed under, if the writer knew it; discount rules may name it.
    #[serde(default)]
    pub category: Option<String>,
    /// Number of pieces, at least 1.
    pub quantity: i32,
    /// Price of one piece, scale 4. May be 0.
    #[serde(serialize_with = "money::serialize_unit_price")]
    pub unit_price: Decimal,
}
