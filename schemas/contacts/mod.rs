//! How to reach the customer of an order. Topic `contacts`, key: the order id. Compacted; personal data.

mod contact_given;

pub use contact_given::ContactGiven;

/// The topic that every event here is emitted to.
pub const TOPIC: &str = "contacts";
