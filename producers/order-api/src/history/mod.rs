//! The history service, asked for what became of orders.

mod answers;
mod ask;

pub use answers::{
    OrderDetails, OrderDetailsLine, OrderDiscount, OrderPage, OrderReturn, OrderSummary,
    TimelineEntry, Waiting,
};
pub(crate) use ask::{History, HistoryError};
