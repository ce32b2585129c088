//! Events to bytes and back: Avro in Confluent's wire format, CloudEvents headers.
mod encoders;
pub mod frame;
pub(crate) mod headers;
mod registry;
mod schema;
mod subjects;

pub use encoders::{Declared, Encoders, RegisterError};
pub use registry::{Registry, RegistryError};
pub use schema::{DecodeError, EncodeError, Schema, SchemaError};
pub use subjects::Subject;
