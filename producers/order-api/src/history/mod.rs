//! The history service, asked for what became of orders.

mod answers;
mod ask;
mod kept_events;
mod kitchen;

pub use answers::{
    OrderDetails, OrderDetailsLine, OrderDiscount, OrderPage, OrderReturn, OrderSummary,
    TimelineEntry, Waiting,
};
pub(crate) use ask::{History, HistoryError};
pub(crate) use kept_events::KeptEvents;
pub use kitchen::{KitchenOrder, KitchenOrders};
