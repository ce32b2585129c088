//! What is sold. Topic `catalogue`, key: the sku. Compacted.

mod product_changed;

pub use product_changed::{ProductChanged, ProductState};

/// The topic that every event here is emitted to.
pub const TOPIC: &str = "catalogue";
