//! What an event is: a type with a name, a topic, a schema and a key; and what travels beside it.

use serde::{Serialize, de::DeserializeOwned};

/// A typed event. It can't be emitted without its key, because the key is part of what it is.
///
/// The implementing struct mirrors [`Event::SCHEMA`]; fields that a later version added carry
/// `#[serde(default)]`, so that records written before it are still read.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Full Avro name of the record: what `ce_type` says and what handlers are found by.
    const TYPE: &'static str;
    /// The topic it is emitted to.
    const TOPIC: &'static str;
    /// The newest version of its Avro schema, as JSON text. Events are written with this one.
    const SCHEMA: &'static str;

    /// What it is ordered by: records of one topic with one key stay in order.
    fn key(&self) -> &str;
}
