//! Whoever reads a schema in the registry finds out what everything in it means.

use std::collections::BTreeMap;

use orderly_schemas::every_schema;
use serde_json::Value;

#[test]
fn every_record_enum_and_field_of_every_schema_has_a_doc() {
    for file in every_schema() {
        let schema: Value = serde_json::from_str(file.text).unwrap();
        let mut documented = 0;
        for part in parts(&schema) {
            let doc = part["doc"].as_str().unwrap_or_default();
            assert!(!doc.trim().is_empty(), "{}: no doc on {}", file.path, part["name"]);
            documented += 1;
        }
        let fields = schema["fields"].as_array().unwrap().len();
        assert!(documented > fields, "{}: only {documented} parts seen", file.path);
    }
}

#[test]
fn every_enum_has_a_default_for_symbols_it_does_not_know() {
    for file in every_schema() {
        let schema: Value = serde_json::from_str(file.text).unwrap();
        for part in parts(&schema).into_iter().filter(|part| part["type"] == "enum") {
            assert_eq!(part["default"], "UNKNOWN", "{}: {}", file.path, part["name"]);
            let symbols = part["symbols"].as_array().unwrap();
            assert!(symbols.contains(&"UNKNOWN".into()), "{}: {}", file.path, part["name"]);
        }
    }
}

#[test]
fn every_optional_field_is_null_by_default() {
    for file in every_schema() {
        let schema: Value = serde_json::from_str(file.text).unwrap();
        for part in parts(&schema).into_iter().filter(|part| part["type"].is_array()) {
            assert_eq!(part["type"][0], "null", "{}: {}", file.path, part["name"]);
            let default = part.get("default");
            assert_eq!(default, Some(&Value::Null), "{}: {}", file.path, part["name"]);
        }
    }
}

#[test]
fn a_name_means_the_same_in_the_newest_schema_of_every_event() {
    let newest: BTreeMap<&str, &str> =
        every_schema().iter().map(|file| (file.event, file.text)).collect();
    let mut meanings: BTreeMap<String, (&str, Value)> = BTreeMap::new();
    let mut shared = 0;
    for (event, text) in newest {
        let schema: Value = serde_json::from_str(text).unwrap();
        for part in parts(&schema) {
            if !matches!(part["type"].as_str(), Some("record" | "enum")) {
                continue;
            }
            let name = part["name"].as_str().unwrap().to_owned();
            if let Some((first, meaning)) = meanings.get(&name) {
                assert_eq!(meaning, part, "{name} differs in {first} and {event}");
                shared += 1;
            } else {
                meanings.insert(name, (event, part.clone()));
            }
        }
    }
    assert!(shared >= 2, "OrderLine and Channel are each in two schemas");
}

/// Everything in `schema` that has a name: records, enums, fields, at any depth.
fn parts(schema: &Value) -> Vec<&Value> {
    match schema {
        Value::Array(items) => items.iter().flat_map(parts).collect(),
        Value::Object(entries) => {
            let this = entries.contains_key("name").then_some(schema);
            this.into_iter().chain(entries.values().flat_map(parts)).collect()
        }
        _ => Vec::new(),
    }
}
