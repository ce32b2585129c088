//! What is in the kitchen, as history tells it and as we answer it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The orders in stages and in line for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KitchenOrders {
    /// First those in progress, who are where they are for the longest before the others; then those in
    /// line, by stage, and in each who came first before the others. 500 of either at most.
    pub orders: Vec<KitchenOrder>,
    /// How many there are; counted up to 10,000. More than are listed: not all of them are.
    pub count: i64,
}

/// Where one order is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KitchenOrder {
    /// The order.
    pub order_id: String,
    /// `queued` or `in_progress`.
    pub status: String,
    /// The stage that it is in, or in line for.
    pub stage: String,
    /// The station that it is on, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<i64>,
    /// Since when it is there.
    pub since: DateTime<Utc>,
    /// When the stage is due to end; absent in line, and between two stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    /// Its place among the order's statuses: what comes later has a higher one.
    pub sequence: i64,
}
