//! The body of `POST /orders`, as clients write it and as it is documented. The service itself
//! reads bodies by hand ([`super::read`]), so that every problem names its place.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

/// An order. Fields that aren't listed are refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    /// The user who orders; left out by a guest.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// ISO 4217 code of every price.
    #[schema(min_length = 3, max_length = 3, pattern = "^[A-Z]{3}$", example = "GBP")]
    pub currency: String,
    /// What is ordered. Their amounts add up unrounded, and the total is rounded once to 2
    /// decimals.
    #[schema(min_items = 1, max_items = 500)]
    pub lines: Vec<OrderRequestLine>,
    /// How to reach the customer about this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactRequest>,
}

/// One line of an order.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderRequestLine {
    /// The product.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    pub sku: String,
    /// Its name as it was shown to the customer; no control characters.
    #[schema(min_length = 1, max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Number of pieces.
    #[schema(minimum = 1, maximum = 10_000)]
    pub quantity: i32,
    /// Price of one piece, a decimal as a string; a JSON number is refused. Prices come with the
    /// request until there is a catalogue service that knows them.
    #[schema(pattern = r"^[0-9]{1,14}(\.[0-9]{1,4})?$", example = "2.55")]
    pub unit_price: String,
}

/// How to reach the customer. It is kept apart from the order, and deleted with it or in time.
#[derive(Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactRequest {
    /// Mail address.
    #[schema(max_length = 254, format = "email", example = "ada@example.org")]
    pub email: String,
}

impl fmt::Debug for ContactRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContactRequest(hidden)")
    }
}
