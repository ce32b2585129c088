//! Reading what a topic has, as far as it goes now, by no group: nothing live is touched.

mod came_from;
mod error;
mod to_topic;

pub use error::ReplayError;
pub use to_topic::{Copied, Span, ToTopic};

/// The header that says which record a copy was made of: `<topic>-<partition>@<offset>`.
pub const REPLAYED_FROM: &str = "replayed-from";
