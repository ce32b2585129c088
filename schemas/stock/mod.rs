//! How much there is. Topic `stock`, key: the sku. Compacted.

mod stock_counted;

pub use stock_counted::StockCounted;

/// The topic that every event here is emitted to.
pub const TOPIC: &str = "stock";
