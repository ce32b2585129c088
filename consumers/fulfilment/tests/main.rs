//! Fulfilment, by what it tells on its topic, on the embedded broker, registry and database.
#![allow(clippy::unwrap_used)]

mod parts;

mod away;
mod cancelling;
mod collecting;
mod discounts;
mod paying;
mod placing;
mod queueing;
mod restarting;
mod stocking;
mod walking;
