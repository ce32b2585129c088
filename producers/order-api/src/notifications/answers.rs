//! What was sent about an order, as the notification service tells it and as we answer it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was and will be sent about one order, in the order in which it fell due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderNotifications {
    /// Each event on each channel.
    pub notifications: Vec<Delivery>,
}

/// One event on one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// The same at every attempt; of a webhook its `webhook-id`.
    pub id: String,
    /// Id of the event that it tells of.
    pub event_id: String,
    /// mail, sms or webhook; new ones may come.
    #[schema(example = "mail")]
    pub channel: String,
    /// The text it was made from.
    #[schema(example = "confirmed")]
    pub template: String,
    /// Where it goes, not in full; absent once the order's contact was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "a…@example.com")]
    pub destination: Option<String>,
    /// due, sent or failed.
    #[schema(example = "sent")]
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// The last answer of whoever was to take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// When what it tells of happened.
    pub at: DateTime<Utc>,
    /// When it is tried next; absent once it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try_at: Option<DateTime<Utc>>,
    /// When it was sent or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
}
