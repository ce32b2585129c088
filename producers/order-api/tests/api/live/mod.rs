//! `GET /orders/{id}/events` and `GET /kitchen/events`.

mod bounds;
mod folding_history;
mod following;
mod lagging;
mod reader;
mod resuming;
pub(crate) mod shop;
mod who_may;

pub(crate) use folding_history::FoldingHistory;
pub(crate) use reader::{Frame, Reader};
pub(crate) use shop::{LiveShop, LiveWishes, gift_wrapped, reason};
