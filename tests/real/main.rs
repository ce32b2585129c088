//! On real parts: Kafka and a registry, as the harness finds or starts them.
#![allow(clippy::unwrap_used)]

mod apply;
mod cached;
mod chaos;
mod deleting;
mod exactly;
mod import;
mod kills;
mod missing;
mod outages;
mod parts;
mod planted;
mod poisoned;
mod processes;
mod raced;
mod replayed;
mod secured;
mod spiked;
mod subjects;
mod told;
mod webhook_library;
