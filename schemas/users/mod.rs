//! Who buys. Topic `users`, key: the user id. Compacted; personal data.

mod user_changed;

pub use user_changed::UserChanged;

/// The topic that every event here is emitted to.
pub const TOPIC: &str = "users";
