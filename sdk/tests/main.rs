//! The SDK against the embedded broker and registry.
#![allow(clippy::unwrap_used, missing_docs)]

mod at_once;
mod away;
mod batches;
mod consuming;
mod dead_letters;
mod emitting;
mod falling_behind;
mod keys;
mod leaving;
mod members;
mod metrics;
mod no_brokers;
mod not_fetching;
mod parking;
mod parts;
mod registering;
mod starts;
#[cfg(feature = "otel")]
mod traces;
mod viewing;
mod wire;
