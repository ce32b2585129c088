//! The embedded schema registry: the part of the Confluent REST API that this SDK and its tools
//! use, in the process, in memory. (The embedded broker is `orderly_sdk::kafka::EmbeddedBroker`.)

mod registry;
mod routes;

pub use registry::EmbeddedRegistry;
