//! The body of `POST /orders`, as clients write it and as it is documented. The service itself
//! reads bodies by hand ([`super::read`]), so that every problem names its place.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

/// An order. Fields that aren't listed are refused.
#[derive(Clone, Serialize, ToSchema)]
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
    /// Coupon codes, each once; capitals or not is the same.
    #[schema(max_items = 10)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<String>,
    /// What the payment provider gave for the customer's card; never the card's number.
    #[schema(min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_-]{1,128}$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_token: Option<String>,
}

impl fmt::Debug for OrderRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrderRequest")
            .field("user_id", &self.user_id)
            .field("currency", &self.currency)
            .field("lines", &self.lines)
            .field("contact", &self.contact)
            .field("coupons", &self.coupons)
            .finish_non_exhaustive()
    }
}

/// One line of an order.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderRequestLine {
    /// The product.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    pub sku: String,
    /// Its name as it was shown to the customer; no control characters. Where the catalogue prices
    /// orders, its name counts.
    #[schema(min_length = 1, max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Number of pieces.
    #[schema(minimum = 1, maximum = 10_000)]
    pub quantity: i32,
    /// Price of one piece, a decimal as a string; a JSON number is refused. Where the catalogue prices
    /// orders it may be left out; given, it is the price that the customer saw, and has to be the
    /// catalogue's.
    #[schema(pattern = r"^[0-9]{1,14}(\.[0-9]{1,4})?$", example = "2.55")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<String>,
}

/// How to reach the customer: at least one way. It is kept apart from the order, and deleted with it
/// or in time.
#[derive(Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactRequest {
    /// Mail address.
    #[schema(max_length = 254, format = "email", example = "ada@example.org")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Phone number that takes text messages, with its country code (E.164).
    #[schema(pattern = "^\\+[1-9][0-9]{6,14}$", example = "+441632960961")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Where webhooks about the order go: an https URL without user or password; for development an
    /// http URL on the service's own machine, where the notification service allows it.
    #[schema(max_length = 2_000, format = "uri", example = "https://shop.example/hooks/orders")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
}

impl fmt::Debug for ContactRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContactRequest(hidden)")
    }
}

/// Why an order is to be cancelled. The body may be left out.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancellationRequest {
    /// Why, in a few words; no control characters, and never personal data: it is kept for ever.
    #[schema(min_length = 1, max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Goods of one order that came back. Prices are those of the order.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnRequest {
    /// What came back, each product once.
    #[schema(min_items = 1, max_items = 500)]
    pub lines: Vec<ReturnRequestLine>,
    /// Why, in a few words; no control characters, and never personal data: it is kept for ever.
    #[schema(min_length = 1, max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One product that came back.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnRequestLine {
    /// The product.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    pub sku: String,
    /// Number of pieces; no more than were ordered.
    #[schema(minimum = 1, maximum = 10_000)]
    pub quantity: i32,
}
