//! What is known of orders, as history tells it and as we answer it.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::ToSchema;

/// One order, and what happened to it so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderDetails {
    /// The order.
    pub order_id: String,
    /// The user who ordered; absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Where it stands: placed, confirmed, rejected, queued, in_progress, ready, completed, cancelled,
    /// …; new values may come.
    #[schema(example = "in_progress")]
    pub status: String,
    /// The stage it is in, or in line for, while it is being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// What it waits for; absent where it has come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// ISO 4217 code of every amount.
    pub currency: String,
    /// What it comes to before discounts, a decimal as a string.
    #[serde(deserialize_with = "amount")]
    #[schema(value_type = String, example = "12.30")]
    pub total: Decimal,
    /// What is to be paid of it, a decimal as a string; absent while it isn't confirmed.
    #[serde(
        default,
        deserialize_with = "optional_amount",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>, example = "11.07")]
    pub to_pay: Option<Decimal>,
    /// What discount rules gave, in the order in which they were applied; absent where none did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<OrderDiscount>,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// It was imported: it happened before this system knew of it.
    pub historic: bool,
    /// What was ordered.
    pub lines: Vec<OrderDetailsLine>,
    /// What came back of it so far, oldest first; absent where nothing did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<OrderReturn>,
    /// What happened, oldest first.
    pub timeline: Vec<TimelineEntry>,
}

/// Goods of an order that came back at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderReturn {
    /// The return.
    pub return_id: String,
    /// When they came back.
    pub returned_at: DateTime<Utc>,
    /// What they came to before discounts, a decimal as a string.
    #[serde(deserialize_with = "amount")]
    #[schema(value_type = String, example = "5.10")]
    pub total: Decimal,
    /// What came back, at the prices it was sold for.
    pub lines: Vec<OrderDetailsLine>,
}

/// One line of an order, or of a return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderDetailsLine {
    /// The product.
    pub sku: String,
    /// Its name as it was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Number of pieces.
    pub quantity: i32,
    /// Price of one piece, a decimal as a string.
    #[serde(deserialize_with = "amount")]
    #[schema(value_type = String, example = "2.5500")]
    pub unit_price: Decimal,
}

/// What one discount rule gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderDiscount {
    /// The rule's name.
    pub rule: String,
    /// The coupon code that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<String>,
    /// The product it is on; absent where it is on the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// What it takes off, a decimal as a string.
    #[serde(deserialize_with = "amount")]
    #[schema(value_type = String, example = "1.23")]
    pub amount: Decimal,
}

/// One thing that happened to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimelineEntry {
    /// The event's type.
    #[schema(example = "OrderPlaced")]
    pub r#type: String,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The event's id.
    pub event_id: String,
    /// Its number among the order's statuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
    /// The stage it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Why it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The station that the stage began on, counted from 1; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<i64>,
    /// How many were in line before it when it got in line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<i64>,
    /// When what began with it was due to be over: of a confirmation, when the order was expected to
    /// be ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
}

/// What an order waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    /// confirmation (stock, discounts, payment), preparation (it can still be cancelled), station (all
    /// of its stage are taken), stage (it is being worked on) or collection; new values may come.
    #[schema(example = "station")]
    pub r#for: String,
    /// The stage it is in, or in line for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The station that it is on, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<i64>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When that is due to be over, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    /// How many are before it in the line for a station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<i64>,
}

/// One page of a user's orders, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderPage {
    /// The orders.
    pub orders: Vec<OrderSummary>,
    /// The `cursor` that the next page begins with; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One order in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderSummary {
    /// The order.
    pub order_id: String,
    /// Where it stands.
    pub status: String,
    /// ISO 4217 code of the total.
    pub currency: String,
    /// What it comes to, a decimal as a string.
    #[serde(deserialize_with = "amount")]
    #[schema(value_type = String, example = "12.30")]
    pub total: Decimal,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
}

/// An amount is a string: a JSON number would have been a float on its way.
fn amount<'de, D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
    let text = String::deserialize(from)?;
    Decimal::from_str_exact(&text).map_err(de::Error::custom)
}

fn optional_amount<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Decimal>, D::Error> {
    amount(from).map(Some)
}
