#![doc = include_str!("../README.md")]

mod event;
mod meta;
pub mod record;

pub mod codec;
pub mod consume;
pub mod emit;
pub mod replay;
pub mod topics;
pub mod view;

mod away;
mod config;
pub mod faults;
mod health;
pub mod kafka;
mod lacks;
mod trace;

pub use away::{away, wait_out};
pub use config::{Config, UnknownSchemas};
pub use event::Event;
pub use health::{Absence, Away, Health, MemberState, PartState, Snapshot};
pub use lacks::{HAS_TLS, Lacks};
pub use meta::{EventId, Meta};
pub use record::OutRecord;
