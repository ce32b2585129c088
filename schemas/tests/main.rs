//! What the schemas and the types beside them promise.

#![allow(clippy::unwrap_used)]

#[macro_use]
mod samples;
mod avro;

mod documentation;
mod golden_bytes;
mod hostile_bytes;
mod keys;
mod later_writers;
mod money;
mod payment_token;
mod schema_list;
mod type_and_schema;
mod versions;
