//! What customers do with orders. Topic `orders`, key: the order id. Kept for ever, so no personal data.

mod order_cancellation_requested;
mod order_collected;
mod order_line;
mod order_placed;
mod order_returned;

pub use order_cancellation_requested::{OrderCancellationRequested, RequestedBy};
pub use order_collected::OrderCollected;
pub use order_line::OrderLine;
pub use order_placed::OrderPlaced;
pub use order_returned::OrderReturned;

/// The topic that every event here is emitted to.
pub const TOPIC: &str = "orders";
