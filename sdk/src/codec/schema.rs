//! One compiled Avro schema: values to bytes and back, without any framing.
//!
//! Decoding needs only the writer's schema; the Rust type with its serde attributes is the
//! reader. Writer fields that the type lacks are skipped whatever their shape, fields that the
//! writer lacks take their `#[serde(default)]`, int is promoted to long, an enum symbol that the
//! type doesn't know takes its `#[serde(other)]` variant.

use std::io::BufRead as _;

use serde::{Serialize, de::DeserializeOwned};
use serde_avro_fast::{
    de::{DeserializerConfig, DeserializerState, read::SliceRead},
    ser::{SerializerConfig, SerializerState},
};

/// Elements that one array or map of a record may have: bounds what a hostile payload allocates.
const MAX_ELEMENTS: usize = 20_000;

/// A parsed schema, ready for both directions. Parse once, use for ever: parsing is slow.
pub struct Schema {
    name: String,
    compiled: serde_avro_fast::Schema,
}

impl Schema {
    /// Parses the JSON text of a record schema.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let compiled: serde_avro_fast::Schema = text
            .parse()
            .map_err(|e: serde_avro_fast::schema::SchemaError| SchemaError(e.to_string()))?;
        let parsed =
            apache_avro::Schema::parse_str(text).map_err(|e| SchemaError(e.to_string()))?;
        let name = parsed
            .name()
            .ok_or_else(|| SchemaError("not a record: it has no name".into()))?
            .fullname(None);
        Ok(Self { name, compiled })
    }

    /// Full name of the record, as `orderly.OrderPlaced`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Appends `value` to `out`. On an error `out` may hold part of it.
    pub fn encode<T: Serialize>(&self, value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut config = SerializerConfig::new(&self.compiled);
        let mut state = SerializerState::from_writer(out, &mut config);
        value.serialize(state.serializer()).map_err(|e| EncodeError(format!("{}: {e}", self.name)))
    }

    /// Reads one value that was written with this schema and takes up all of `datum`.
    pub fn decode<T: DeserializeOwned>(&self, datum: &[u8]) -> Result<T, DecodeError> {
        let mut config = DeserializerConfig::new(&self.compiled);
        config.max_seq_size = MAX_ELEMENTS;
        config.allowed_depth = 32;
        let mut state = DeserializerState::with_config(SliceRead::new(datum), config);
        let value = T::deserialize(state.deserializer())
            .map_err(|e| DecodeError(format!("{}: {e}", self.name)))?;
        match state.into_reader().fill_buf().map_or(0, <[u8]>::len) {
            0 => Ok(value),
            left => Err(DecodeError(format!("{}: {left} bytes left over", self.name))),
        }
    }
}

/// The text is no usable Avro record schema.
#[derive(Debug, thiserror::Error)]
#[error("schema: {0}")]
pub struct SchemaError(pub(crate) String);

/// The value doesn't fit the schema it was to be written with.
#[derive(Debug, thiserror::Error)]
#[error("can't encode {0}")]
pub struct EncodeError(pub(crate) String);

/// The bytes are no such value: truncated, too long, or of another shape.
#[derive(Debug, thiserror::Error)]
#[error("can't decode {0}")]
pub struct DecodeError(pub(crate) String);
