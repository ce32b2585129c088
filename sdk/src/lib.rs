//! orderly-sdk
pub mod codec;
mod config;
pub mod consume;
pub mod emit;
mod event;
pub mod kafka;
mod meta;
pub mod record;
pub mod topics;
pub use config::{Config, UnknownSchemas};
pub use event::Event;
pub use meta::{EventId, Meta};
pub use record::OutRecord;
