//! The embedded schema registry: the part of the Confluent REST API that this SDK and its tools
//! use, in the process, in memory. (The embedded broker is `orderly_sdk::kafka::EmbeddedBroker`.)
//!
//! And for the tests of HTTP services alone: [`Running`], [`Answer`] and [`until`], which fail a test
//! where something isn't as it has to be.

#[allow(clippy::unwrap_used, reason = "it is part of tests")]
mod answer;
mod registry;
mod routes;
#[allow(clippy::unwrap_used, reason = "it is part of tests")]
mod running;

pub use answer::Answer;
pub use registry::EmbeddedRegistry;
pub use running::{Running, until};
