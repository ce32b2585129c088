use orderly_sdk::Event;
use serde::{Deserialize, Serialize};

use super::Channel;

/// A notification about an order was sent, or given up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NotificationSent {
    /// The order: 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore, hyphen. The key of the
    /// record.
    pub order_id: String,
    /// Event id of the event that caused this one.
    pub caused_by: String,
    /// The way it took.
    pub channel: Channel,
    /// Name of the text it was made from.
    pub template: String,
    /// What became of it.
    pub outcome: DeliveryOutcome,
    /// What the provider answered. Never personal data.
    #[serde(default)]
    pub detail: Option<String>,
}

/// What became of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DeliveryOutcome {
    /// The provider took it. That it arrived is not known.
    Sent,
    /// It was given up.
    Failed,
    /// A symbol that a later version added.
    #[serde(other)]
    Unknown,
}

impl Event for NotificationSent {
    const TYPE: &'static str = "orderly.NotificationSent";
    const TOPIC: &'static str = super::TOPIC;
    const SCHEMA: &'static str = include_str!("notification_sent.v1.avsc");

    fn key(&self) -> &str {
        &self.order_id
    }
}
