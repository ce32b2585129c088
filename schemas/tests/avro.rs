//! The two implementations of Avro side by side: ours through the SDK, and an independent one.

use apache_avro::{
    reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter,
};
use orderly_sdk::{
    Event,
    codec::{DecodeError, EncodeError, Schema},
};

/// As the SDK writes it.
pub(crate) fn encode<E: Event>(event: &E) -> Vec<u8> {
    try_encode(event).unwrap()
}

pub(crate) fn try_encode<E: Event>(event: &E) -> Result<Vec<u8>, EncodeError> {
    let mut datum = Vec::new();
    Schema::parse(E::SCHEMA).unwrap().encode(event, &mut datum)?;
    Ok(datum)
}

/// As the SDK reads it, written with today's schema.
pub(crate) fn decode<E: Event>(datum: &[u8]) -> Result<E, DecodeError> {
    Schema::parse(E::SCHEMA).unwrap().decode(datum)
}

/// As the independent implementation reads it; all bytes must be used.
pub(crate) fn independent_value(schema: &str, mut datum: &[u8]) -> Value {
    let schema = apache_avro::Schema::parse_str(schema).unwrap();
    let reader = GenericDatumReader::builder(&schema).build().unwrap();
    let value = reader.read_value(&mut datum).unwrap();
    assert!(datum.is_empty(), "{} bytes left over", datum.len());
    value
}

/// As the independent implementation writes it, after checking it against the schema.
pub(crate) fn independent_bytes(schema: &str, value: Value) -> Vec<u8> {
    let schema = apache_avro::Schema::parse_str(schema).unwrap();
    let writer = GenericDatumWriter::builder(&schema).build().unwrap();
    writer.write_value_to_vec(value).unwrap()
}
