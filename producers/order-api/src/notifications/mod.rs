//! The notification service, asked for what was sent about an order.

mod answers;
mod ask;

pub use answers::{Delivery, OrderNotifications};
pub(crate) use ask::{Notifications, NotificationsError};
