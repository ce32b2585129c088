//! The relay, by what comes into the topic and what stays in the outbox.
#![allow(clippy::unwrap_used)]

mod parts;

mod refused;
mod relaying;
mod relays;
mod restarting;
mod waiting;
