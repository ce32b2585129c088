//! What was sent to customers. Topic `notifications`, key: the order id.

mod channel;
mod notification_sent;

pub use channel::Channel;
pub use notification_sent::{DeliveryOutcome, NotificationSent};

/// The topic that every event here is emitted to.
pub const TOPIC: &str = "notifications";
