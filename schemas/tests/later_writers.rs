//! A record written with a schema that is newer, or older, than the type is read all the same.
//!
//! The writers here are today's schema with one change, written by the independent implementation.

use apache_avro::types::Value;
use orderly_schemas::{
    Channel, OrderCancellationRequested, OrderConfirmed, OrderPlaced, RequestedBy, StageStarted,
    StockCounted, UserChanged,
};
use orderly_sdk::{Event, codec::Schema};
use serde_json::json;

use crate::{
    avro::{encode, independent_bytes, independent_value},
    samples::Samples,
};

#[test]
fn an_added_nested_record_is_passed_over() {
    passed_over(
        &json!({"name": "delivery", "type": {"type": "record", "name": "Delivery", "fields": [
            {"name": "street", "type": "string"},
            {"name": "place", "type": {"type": "record", "name": "Place", "fields": [
                {"name": "zip", "type": "string"},
                {"name": "floor", "type": ["null", "int"]},
            ]}},
        ]}}),
        &record([
            ("street", Value::String("Sesame".into())),
            (
                "place",
                record([
                    ("zip", Value::String("10115".into())),
                    ("floor", Value::Union(1, Box::new(Value::Int(3)))),
                ]),
            ),
        ]),
    );
}

#[test]
fn an_added_array_of_records_is_passed_over() {
    let discount = |percent| record([("percent", Value::Int(percent))]);
    let field = json!({"name": "discounts", "type": {"type": "array", "items":
        {"type": "record", "name": "Discount", "fields": [{"name": "percent", "type": "int"}]}}});
    passed_over(&field, &Value::Array(vec![discount(10), discount(20)]));
    passed_over(&field, &Value::Array(Vec::new()));
}

#[test]
fn an_added_enum_is_passed_over() {
    passed_over(
        &json!({"name": "size", "type": {"type": "enum", "name": "Size", "symbols": ["S", "L"]}}),
        &Value::Enum(1, "L".into()),
    );
}

#[test]
fn an_added_nullable_enum_is_passed_over() {
    let field = json!({"name": "size", "default": null, "type":
        ["null", {"type": "enum", "name": "Size", "symbols": ["S", "L"]}]});
    let size = Value::Union(1, Box::new(Value::Enum(1, "L".into())));
    passed_over(&field, &size);
    passed_over(&field, &Value::Union(0, Box::new(Value::Null)));
}

#[test]
fn an_added_map_is_passed_over() {
    let labels = [("gift", "yes"), ("from", "grandmother")];
    passed_over(
        &json!({"name": "labels", "type": {"type": "map", "values": "string"}}),
        &Value::Map(labels.map(|(k, v)| (k.into(), Value::String(v.into()))).into()),
    );
}

#[test]
fn an_added_string_is_passed_over() {
    passed_over(&json!({"name": "note", "type": "string"}), &Value::String("hurry".into()));
}

#[test]
fn an_added_decimal_time_or_bytes_is_passed_over() {
    passed_over(
        &json!({"name": "tip", "type":
            {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2}}),
        &Value::Decimal(apache_avro::Decimal::from([0x01, 0x2c])),
    );
    passed_over(
        &json!({"name": "wanted_at", "type": {"type": "long", "logicalType": "timestamp-millis"}}),
        &Value::TimestampMillis(i64::MAX),
    );
    passed_over(&json!({"name": "scan", "type": "bytes"}), &Value::Bytes(vec![0xff; 300]));
}

#[test]
fn a_symbol_that_is_not_known_is_read_as_unknown() {
    let later = OrderCancellationRequested::SCHEMA
        .replace(r#""symbols": ["CUSTOMER","#, r#""symbols": ["COURIER", "CUSTOMER","#);
    let read = |symbol: &str, place: u32| {
        let mut value = independent_value(
            OrderCancellationRequested::SCHEMA,
            &encode(&OrderCancellationRequested::filled()),
        );
        *field(&mut value, "requested_by") = Value::Enum(place, symbol.into());
        let read: OrderCancellationRequested = read_with(&later, value);
        read.requested_by
    };
    assert_eq!(read("COURIER", 0), RequestedBy::Unknown);
    // those that are known moved one place, and are found by name
    assert_eq!(read("CUSTOMER", 1), RequestedBy::Customer);
    assert_eq!(read("OPERATOR", 2), RequestedBy::Operator);
    assert_eq!(read("UNKNOWN", 3), RequestedBy::Unknown);
}

#[test]
fn a_symbol_that_is_not_known_among_others_leaves_those_alone() {
    let later = UserChanged::SCHEMA.replace(r#""WEBHOOK","#, r#""WEBHOOK", "PIGEON","#);
    let mut value = independent_value(UserChanged::SCHEMA, &encode(&UserChanged::filled()));
    *field(&mut value, "notify_by") = Value::Array(vec![
        Value::Enum(1, "SMS".into()),
        Value::Enum(3, "PIGEON".into()),
        Value::Enum(0, "EMAIL".into()),
    ]);
    let read: UserChanged = read_with(&later, value);
    assert_eq!(read.notify_by, [Channel::Sms, Channel::Unknown, Channel::Email]);
    assert_eq!(read.name, UserChanged::filled().name);
}

#[test]
fn an_int_is_promoted_to_long() {
    let older = OrderConfirmed::SCHEMA
        .replace(r#""sequence", "type": "long""#, r#""sequence", "type": "int""#);
    for sequence in [0, 1, -1, i32::MAX, i32::MIN] {
        let mut value =
            independent_value(OrderConfirmed::SCHEMA, &encode(&OrderConfirmed::filled()));
        *field(&mut value, "sequence") = Value::Int(sequence);
        let read: OrderConfirmed = read_with(&older, value);
        let expected = OrderConfirmed { sequence: sequence.into(), ..OrderConfirmed::filled() };
        assert_eq!(read, expected);
    }
}

#[test]
fn a_long_is_read_as_int_while_it_fits_and_never_cut_off() {
    let later =
        StockCounted::SCHEMA.replace(r#""on_hand", "type": "int""#, r#""on_hand", "type": "long""#);
    let written = |on_hand| {
        let mut value = independent_value(StockCounted::SCHEMA, &encode(&StockCounted::filled()));
        *field(&mut value, "on_hand") = Value::Long(on_hand);
        independent_bytes(&later, value)
    };
    let schema = Schema::parse(&later).unwrap();
    let read: StockCounted = schema.decode(&written(i32::MAX.into())).unwrap();
    assert_eq!(read.on_hand, i32::MAX);
    let too_large = schema.decode::<StockCounted>(&written(i64::from(i32::MAX) + 1));
    assert!(too_large.is_err(), "{too_large:?}");
}

#[test]
fn a_field_that_an_older_writer_lacked_takes_its_default() {
    for_every_event!(optionals_take_their_default);
}

fn optionals_take_their_default<E: Samples>() {
    let schema: serde_json::Value = serde_json::from_str(E::SCHEMA).unwrap();
    let fields = schema["fields"].as_array().unwrap();
    for missing in fields.iter().filter(|field| field.get("default").is_some()) {
        let name = missing["name"].as_str().unwrap();
        let mut older = schema.clone();
        older["fields"].as_array_mut().unwrap().retain(|field| field["name"] != name);
        let Value::Record(mut written) = independent_value(E::SCHEMA, &encode(&E::filled())) else {
            panic!("{} is no record", E::TYPE);
        };
        written.retain(|(field, _)| field != name);

        let read: E = read_with(&older.to_string(), Value::Record(written));
        let mut expected = serde_json::to_value(E::filled()).unwrap();
        expected[name] = missing["default"].clone();
        let expected: E = serde_json::from_value(expected).unwrap();
        assert_eq!(read, expected, "without {name}");
        assert_ne!(read, E::filled());
    }
}

#[test]
fn a_field_missing_inside_a_line_takes_its_default() {
    let older = OrderPlaced::SCHEMA.replace(
        r#"{ "name": "name", "type": ["null", "string"], "default": null, "doc": "Name of the product as it was shown, if the writer knew it." },"#,
        "",
    );
    assert_ne!(older, OrderPlaced::SCHEMA);
    let mut value = independent_value(OrderPlaced::SCHEMA, &encode(&OrderPlaced::filled()));
    for_each_line(&mut value, |line| line.retain(|(name, _)| name != "name"));
    let read: OrderPlaced = read_with(&older, value);
    let mut expected = OrderPlaced::filled();
    expected.lines.iter_mut().for_each(|line| line.name = None);
    assert_eq!(read, expected);
}

#[test]
fn a_missing_field_without_a_default_is_an_error_that_names_it() {
    let mut older: serde_json::Value = serde_json::from_str(StageStarted::SCHEMA).unwrap();
    older["fields"].as_array_mut().unwrap().retain(|field| field["name"] != "ends_at");
    let mut value = independent_value(StageStarted::SCHEMA, &encode(&StageStarted::filled()));
    let Value::Record(written) = &mut value else { panic!("no record") };
    written.retain(|(name, _)| name != "ends_at");
    let older = older.to_string();
    let datum = independent_bytes(&older, value);
    let error = Schema::parse(&older).unwrap().decode::<StageStarted>(&datum).unwrap_err();
    assert!(error.to_string().contains("ends_at"), "{error}");
}

#[test]
fn fields_in_another_order_are_found_by_name() {
    for_every_event!(found_by_name);
}

fn found_by_name<E: Samples>() {
    let mut later: serde_json::Value = serde_json::from_str(E::SCHEMA).unwrap();
    later["fields"].as_array_mut().unwrap().reverse();
    for event in E::both() {
        let Value::Record(mut written) = independent_value(E::SCHEMA, &encode(&event)) else {
            panic!("{} is no record", E::TYPE);
        };
        written.reverse();
        assert_eq!(read_with::<E>(&later.to_string(), Value::Record(written)), event);
    }
}

/// Adds the field to OrderPlaced at every place there is, also inside its lines; each time the
/// order must come out as if it weren't there, and a part of the record not at all.
fn passed_over(added: &serde_json::Value, with: &Value) {
    let name = added["name"].as_str().unwrap().to_owned();
    let schema: serde_json::Value = serde_json::from_str(OrderPlaced::SCHEMA).unwrap();
    let order = OrderPlaced::filled();
    let value = independent_value(OrderPlaced::SCHEMA, &encode(&order));

    for place in 0..=schema["fields"].as_array().unwrap().len() {
        let mut later = schema.clone();
        later["fields"].as_array_mut().unwrap().insert(place, added.clone());
        let mut written = value.clone();
        let Value::Record(fields) = &mut written else { panic!("no record") };
        fields.insert(place, (name.clone(), with.clone()));
        comes_out_as(&order, &later, written);
    }
    let fields_of_lines = "/fields/3/type/items/fields";
    for place in 0..=schema.pointer(fields_of_lines).unwrap().as_array().unwrap().len() {
        let mut later = schema.clone();
        let fields = later.pointer_mut(fields_of_lines).unwrap().as_array_mut().unwrap();
        fields.insert(place, added.clone());
        let mut written = value.clone();
        for_each_line(&mut written, |line| {
            line.insert(place, (name.clone(), with.clone()));
        });
        comes_out_as(&order, &later, written);
    }
}

fn comes_out_as(order: &OrderPlaced, later: &serde_json::Value, written: Value) {
    let later = later.to_string();
    let datum = independent_bytes(&later, written);
    let schema = Schema::parse(&later).unwrap();
    assert_eq!(schema.decode::<OrderPlaced>(&datum).unwrap(), *order, "{later}");
    for end in 0..datum.len() {
        assert!(schema.decode::<OrderPlaced>(&datum[..end]).is_err(), "{end} bytes: {later}");
    }
}

fn read_with<E: Event>(schema: &str, written: Value) -> E {
    let datum = independent_bytes(schema, written);
    Schema::parse(schema).unwrap().decode(&datum).unwrap()
}

fn record<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Record(fields.map(|(name, value)| (name.to_owned(), value)).into())
}

fn field<'a>(record: &'a mut Value, name: &str) -> &'a mut Value {
    let Value::Record(fields) = record else { panic!("no record") };
    &mut fields.iter_mut().find(|(field, _)| field == name).unwrap().1
}

fn for_each_line(order: &mut Value, change: impl Fn(&mut Vec<(String, Value)>)) {
    let Value::Array(lines) = field(order, "lines") else { panic!("no array") };
    assert!(!lines.is_empty());
    for line in lines {
        let Value::Record(fields) = line else { panic!("no record") };
        change(fields);
    }
}
