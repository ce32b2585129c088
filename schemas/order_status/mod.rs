//! What becomes of orders. Topic `order-status`, key: the order id. Kept for ever, so no personal data.

mod order_cancellation_refused;
mod order_cancelled;
mod order_completed;
mod order_confirmed;
mod order_refunded;
mod order_rejected;
mod ready_for_pickup;
mod stage_completed;
mod stage_queued;
mod stage_started;

pub use order_cancellation_refused::OrderCancellationRefused;
pub use order_cancelled::OrderCancelled;
pub use order_completed::OrderCompleted;
pub use order_confirmed::{Discount, OrderConfirmed};
pub use order_refunded::OrderRefunded;
pub use order_rejected::OrderRejected;
pub use ready_for_pickup::ReadyForPickup;
pub use stage_completed::StageCompleted;
pub use stage_queued::StageQueued;
pub use stage_started::StageStarted;

/// The topic that every event here is emitted to.
pub const TOPIC: &str = "order-status";
