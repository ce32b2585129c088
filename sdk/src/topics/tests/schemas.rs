use super::{one_topic, parse};

/// What the file with `events` is told of `schemas`.
fn told(events: &str, schemas: &[(&str, &str)]) -> String {
    let two = "  stock:\n    key: sku\n    retention: forever\n    owner: s\n    partitions: 1\n    replication: 1\n    \
               events: [orderly.StockCounted]\n";
    let file = parse(&(one_topic(&[&format!("events: [{events}]")]) + two));
    let stock = [("orderly.StockCounted", "stock")];
    let schemas: Vec<_> = schemas.iter().chain(&stock).copied().collect();
    match file.check(&schemas) {
        Ok(()) => String::new(),
        Err(error) => error.to_string().replace("topics.yaml:", ""),
    }
}

#[test]
fn the_file_and_the_schemas_that_agree_pass() {
    let schemas = [
        ("orderly.OrderPlaced", "orders"),
        ("orderly.OrderPlaced", "orders"), // its second version
        ("orderly.OrderReturned", "orders"),
    ];
    assert_eq!(told("orderly.OrderPlaced, orderly.OrderReturned", &schemas), "");
}

#[test]
fn an_event_without_a_schema_is_told_with_the_nearest_one() {
    let schemas = [("orderly.OrderPlaced", "orders")];
    assert_eq!(
        told("orderly.OrderPlaecd", &schemas),
        "5:14: event `orderly.OrderPlaecd` has no schema: did you mean `orderly.OrderPlaced`?"
    );
    assert_eq!(
        told("orderly.OrderPlaced, orderly.Shipped", &schemas),
        "5:35: event `orderly.Shipped` has no schema"
    );
}

#[test]
fn a_schema_whose_topic_does_not_name_it_is_told_at_its_events() {
    let schemas = [("orderly.OrderPlaced", "orders"), ("orderly.OrderReturned", "orders")];
    assert_eq!(
        told("orderly.OrderPlaced", &schemas),
        "5:5: topic `orders` doesn't name event `orderly.OrderReturned`, whose schema says this topic: add it"
    );
}

#[test]
fn a_schema_whose_topic_is_not_defined_is_told_with_the_nearest_one() {
    let schemas = [
        ("orderly.OrderPlaced", "orders"),
        ("orderly.OrderReturned", "order"),
        ("orderly.Audited", "audit"),
    ];
    assert_eq!(
        told("orderly.OrderPlaced", &schemas),
        "1:1: the schema of `orderly.Audited` says topic `audit`, which is not defined here\n\
         1:1: the schema of `orderly.OrderReturned` says topic `order`, which is not defined here: did you mean `orders`?"
    );
}

#[test]
fn an_event_under_another_topic_than_its_schema_says_is_told() {
    assert_eq!(
        told("orderly.OrderPlaced", &[("orderly.OrderPlaced", "stock")]),
        "5:14: event `orderly.OrderPlaced` stands under `orders`, and its schema says topic `stock`"
    );
}
