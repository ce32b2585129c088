//! What the tests of `api` stand on, without these tests.

#[path = "../api/live/folding_history.rs"]
mod folding_history;
#[path = "../api/live/reader.rs"]
mod reader;
#[path = "../api/live/shop.rs"]
pub(crate) mod shop;

pub(crate) use folding_history::FoldingHistory;
pub(crate) use reader::Reader;
pub(crate) use shop::LiveShop;
