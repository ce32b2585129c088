#![doc = include_str!("../README.md")]

mod event;
mod meta;
pub mod record;

pub mod codec;
pub mod consume;
pub mod emit;
pub mod topics;

mod config;
pub mod kafka;

pub use config::{Config, UnknownSchemas};
pub use event::Event;
pub use meta::{EventId, Meta};
pub use record::OutRecord;
