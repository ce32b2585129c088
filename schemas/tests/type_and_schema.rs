//! Each type and its schema agree, and agree with an independent implementation of Avro.

use apache_avro::types::Value;
use orderly_sdk::codec::Schema;

use crate::{
    avro::{decode, encode, independent_bytes, independent_value},
    samples::Samples,
};

#[test]
fn every_type_is_written_and_read_back_unchanged() {
    for_every_event!(read_back_unchanged);
}

fn read_back_unchanged<E: Samples>() {
    for event in E::both() {
        let datum = encode(&event);
        assert_eq!(decode::<E>(&datum).unwrap(), event);
        assert_eq!(encode(&decode::<E>(&datum).unwrap()), datum);
    }
}

#[test]
fn every_type_is_read_and_rewritten_alike_by_an_independent_implementation() {
    for_every_event!(rewritten_alike);
}

fn rewritten_alike<E: Samples>() {
    let schema = apache_avro::Schema::parse_str(E::SCHEMA).unwrap();
    for event in E::both() {
        let datum = encode(&event);
        let value = independent_value(E::SCHEMA, &datum);
        assert!(value.validate(&schema), "{}: {value:?}", E::TYPE);
        let widened = with_wide_decimals(value.clone());
        assert_eq!(widened.clone().resolve(&schema).unwrap(), widened, "{}", E::TYPE);
        assert_eq!(independent_bytes(E::SCHEMA, value), datum, "{}", E::TYPE);
    }
}

/// apache-avro 0.22 resolves a decimal only if its bytes could hold every digit of the precision,
/// though the specification lets a small number have few bytes: 8 bytes can hold our 18 digits.
fn with_wide_decimals(value: Value) -> Value {
    match value {
        Value::Decimal(decimal) => {
            let bytes: Vec<u8> = (&decimal).try_into().unwrap();
            let sign = if bytes[0] & 0x80 == 0 { 0x00 } else { 0xff };
            let mut wide = vec![sign; 8 - bytes.len()];
            wide.extend(bytes);
            Value::Decimal(wide.into())
        }
        Value::Record(fields) => Value::Record(
            fields.into_iter().map(|(name, value)| (name, with_wide_decimals(value))).collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(with_wide_decimals).collect()),
        Value::Union(branch, value) => Value::Union(branch, Box::new(with_wide_decimals(*value))),
        other => other,
    }
}

#[test]
fn every_type_has_exactly_the_fields_of_its_schema() {
    for_every_event!(exactly_the_fields);
}

fn exactly_the_fields<E: Samples>() {
    let Value::Record(written) = independent_value(E::SCHEMA, &encode(&E::filled())) else {
        panic!("{} is no record", E::TYPE);
    };
    let mut in_schema: Vec<_> = written.into_iter().map(|(name, _)| name).collect();
    let in_type = serde_json::to_value(E::filled()).unwrap();
    let mut in_type: Vec<_> = in_type.as_object().unwrap().keys().cloned().collect();
    in_schema.sort();
    in_type.sort();
    assert_eq!(in_type, in_schema, "{}", E::TYPE);
}

#[test]
fn every_filled_sample_leaves_no_optional_empty() {
    for_every_event!(leaves_no_optional_empty);
}

fn leaves_no_optional_empty<E: Samples>() {
    let fields = serde_json::to_value(E::filled()).unwrap();
    for (name, value) in fields.as_object().unwrap() {
        assert!(!value.is_null(), "{}: {name} is empty", E::TYPE);
    }
}

#[test]
fn every_type_says_the_name_of_its_schema() {
    for_every_event!(says_its_name);
}

fn says_its_name<E: Samples>() {
    assert_eq!(Schema::parse(E::SCHEMA).unwrap().name(), E::TYPE);
    let rust_name = std::any::type_name::<E>().rsplit("::").next().unwrap();
    assert_eq!(E::TYPE, format!("orderly.{rust_name}"));
}
