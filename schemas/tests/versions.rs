//! Each version of a schema reads the one before, and is read by it.

use std::collections::BTreeMap;

use apache_avro::{
    Schema,
    error::CompatibilityError,
    schema_compatibility::{Compatibility, SchemaCompatibility},
};
use orderly_schemas::{OrderPlaced, every_schema};
use orderly_sdk::Event;
use serde_json::Value;

const NOTHING: [&str; 0] = [];

#[test]
fn each_version_can_read_the_one_before() {
    for files in every_schema().windows(2) {
        let [before, file] = files else { unreachable!() };
        if before.event == file.event {
            let verdict = read(before.text, file.text);
            assert_eq!(verdict, Ok(Compatibility::Full), "{}", file.path);
        }
    }
}

#[test]
fn each_version_still_writes_what_the_one_before_needs() {
    for files in every_schema().windows(2) {
        let [before, file] = files else { unreachable!() };
        if before.event == file.event {
            assert_eq!(no_longer_written(before.text, file.text), NOTHING, "{}", file.path);
        }
    }
}

#[test]
fn every_schema_can_read_itself() {
    for file in every_schema() {
        let verdict = read(file.text, file.text);
        assert_eq!(verdict, Ok(Compatibility::Full), "{}", file.path);
    }
}

#[test]
fn an_addition_with_a_default_passes_the_check() {
    for (from, to) in [
        (r#""fields": ["#, r#""fields": [{"name": "x", "type": "long", "default": 0},"#),
        (r#""name": "quantity", "type": "int""#, r#""name": "quantity", "type": "long""#),
    ] {
        assert_eq!(read(OrderPlaced::SCHEMA, &changed(from, to)), Ok(Compatibility::Full));
    }
}

#[test]
fn an_incompatible_change_is_refused() {
    for (from, to) in [
        // a field without a default, at both depths
        (r#""fields": ["#, r#""fields": [{"name": "x", "type": "long"},"#),
        (r#"{ "name": "sku","#, r#"{"name": "x", "type": "long"}, { "name": "sku","#),
        // a field under another name
        (r#""name": "sku""#, r#""name": "product""#),
        // another type, another scale, an optional made mandatory
        (r#""name": "quantity", "type": "int""#, r#""name": "quantity", "type": "boolean""#),
        (r#""scale": 2"#, r#""scale": 3"#),
        (r#"["null", "string"], "default": null"#, r#""string""#),
        // another event
        (r#""name": "OrderPlaced""#, r#""name": "OrderTaken""#),
    ] {
        let verdict = read(OrderPlaced::SCHEMA, &changed(from, to));
        assert_ne!(verdict, Ok(Compatibility::Full), "{to}");
    }
}

#[test]
fn a_field_that_is_no_longer_written_is_refused() {
    let without = changed(
        r#"{ "name": "quantity", "type": "int", "doc": "Number of pieces, at least 1." },"#,
        "",
    );
    assert_eq!(no_longer_written(OrderPlaced::SCHEMA, &without), ["OrderLine.quantity"]);
}

#[test]
fn a_promoted_field_is_still_written() {
    let promoted = changed(r#""quantity", "type": "int""#, r#""quantity", "type": "long""#);
    assert_eq!(no_longer_written(OrderPlaced::SCHEMA, &promoted), NOTHING);
}

fn read(written_with: &str, read_with: &str) -> Result<Compatibility, CompatibilityError> {
    let writer = Schema::parse_str(written_with).unwrap();
    SchemaCompatibility::can_read(&writer, &Schema::parse_str(read_with).unwrap())
}

/// Fields that a reader with `before` can't do without and a writer with `after` leaves out. Their
/// types are not compared: the reader promotes.
fn no_longer_written(before: &str, after: &str) -> Vec<String> {
    let written = fields(&serde_json::from_str(after).unwrap());
    fields(&serde_json::from_str(before).unwrap())
        .into_iter()
        .filter(|(name, mandatory)| *mandatory && !written.contains_key(name))
        .map(|(name, _)| name)
        .collect()
}

/// `Record.field` at any depth, and whether it is without a default.
fn fields(schema: &Value) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    let inside: Vec<&Value> = match schema {
        Value::Array(items) => items.iter().collect(),
        Value::Object(entries) => entries.values().collect(),
        _ => Vec::new(),
    };
    if let (Some(record), Some(own)) = (schema["name"].as_str(), schema["fields"].as_array()) {
        for field in own {
            let name = format!("{record}.{}", field["name"].as_str().unwrap());
            found.insert(name, field.get("default").is_none());
        }
    }
    found.extend(inside.into_iter().flat_map(fields));
    found
}

fn changed(from: &str, to: &str) -> String {
    let text = OrderPlaced::SCHEMA.replacen(from, to, 1);
    assert_ne!(text, OrderPlaced::SCHEMA, "nothing to change: {from}");
    text
}
