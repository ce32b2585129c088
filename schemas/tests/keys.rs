//! An event's key is its key field.

use crate::samples::Samples;

#[test]
fn every_event_is_keyed_by_its_first_field_an_id() {
    for_every_event!(keyed_by_its_first_field);
}

fn keyed_by_its_first_field<E: Samples>() {
    assert_eq!(E::filled().key(), E::FILLED_KEY, "{}", E::TYPE);

    let schema: serde_json::Value = serde_json::from_str(E::SCHEMA).unwrap();
    let first = schema["fields"][0]["name"].as_str().unwrap();
    let expected = match E::TOPIC {
        "orders" | "order-status" | "contacts" | "notifications" => "order_id",
        "catalogue" | "stock" => "sku",
        "users" => "user_id",
        other => panic!("{}: no key is known for topic {other}", E::TYPE),
    };
    assert_eq!(first, expected, "{}", E::TYPE);
    for event in E::both() {
        let fields = serde_json::to_value(&event).unwrap();
        assert_eq!(fields[first], event.key(), "{}", E::TYPE);
    }
}
