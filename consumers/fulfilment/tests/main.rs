//! Fulfilment, by what it tells on its topic, on the embedded broker, registry and database.
#![allow(clippy::unwrap_used)]

mod parts;

mod away;
mod collecting;
mod placing;
mod restarting;
mod walking;
