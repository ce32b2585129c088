//! What is priced.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

/// An order as it was placed.
#[derive(Clone, Copy, Debug)]
pub struct Basket<'a> {
    /// What was ordered; one sku may stand on several lines.
    pub lines: &'a [Line<'a>],
    /// What it comes to by its list prices, scale 2. Less than nothing counts as nothing.
    pub total: Decimal,
    /// ISO 4217 code of every amount.
    pub currency: &'a str,
    /// The group that the customer belongs to, if any.
    pub customer_group: Option<&'a str>,
    /// The codes that were given, as the customer wrote them. One given twice counts once.
    pub coupons: &'a [String],
    /// When it was placed: promotions of that moment apply, however late it is priced.
    pub at: DateTime<Utc>,
}

/// One line of it.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The product.
    pub sku: &'a str,
    /// The category it is in; without one, no promotion by category is for it.
    pub category: Option<&'a str>,
    /// Number of pieces.
    pub quantity: i32,
    /// List price of one piece, scale up to 4.
    pub unit_price: Decimal,
}
