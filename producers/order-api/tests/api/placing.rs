use orderly_schemas::OrderPlaced;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::harness::{Shop, decode, order};

#[tokio::test]
async fn an_order_is_accepted_and_its_receipt_says_where_it_lies() {
    let shop = Shop::open().await;

    let accepted = shop.post(&order()).await.accepted();

    let records = shop.records("orders").await;
    let [record] = &records[..] else { panic!("{} records", records.len()) };
    assert_eq!(accepted.receipt.topic, "orders");
    assert_eq!(accepted.receipt.partition, record.at().partition.partition);
    assert_eq!(accepted.receipt.offset, record.at().offset);
    assert_eq!(accepted.receipt.event_id.to_string(), record.header_str("ce_id").unwrap());
    assert_eq!(accepted.receipt.hash, hex::encode(Sha256::digest(record.payload().unwrap())));
    assert_eq!(record.key(), Some(accepted.order_id.as_bytes()));
    assert_eq!(record.header_str("ce_source"), Some("order-api"));

    let placed: OrderPlaced = decode(record);
    assert_eq!(placed.order_id, accepted.order_id);
    assert_eq!(placed.user_id.as_deref(), Some("ada"));
    assert_eq!(placed.currency, "GBP");
    assert_eq!(placed.lines.len(), 2);
    assert_eq!(placed.lines[0].name.as_deref(), Some("Margherita"));
    assert_eq!(placed.lines[1].unit_price.to_string(), "0.3333");
    // 2 × 8.50 + 3 × 0.3333, rounded once.
    assert_eq!(placed.total.to_string(), "18.00");
}

#[tokio::test]
async fn each_request_without_a_key_is_an_order_of_its_own() {
    let shop = Shop::open().await;
    let first = shop.post(&order()).await.accepted();
    let second = shop.post(&order()).await.accepted();
    assert_ne!(first.order_id, second.order_id);
    assert_ne!(first.receipt.event_id, second.receipt.event_id);
    assert_eq!(shop.records("orders").await.len(), 2);
}

#[tokio::test]
async fn the_smallest_and_the_largest_order_are_accepted() {
    let shop = Shop::open().await;
    let smallest =
        json!({ "currency": "EUR", "lines": [{ "sku": "a", "quantity": 1, "unit_price": "0" }] });
    shop.post(&smallest).await.accepted();

    let longest = "x".repeat(64);
    let line = json!({ "sku": longest, "name": "ü".repeat(200), "quantity": 10_000,
                       "unit_price": "1999999999.9999" });
    let largest = json!({ "user_id": longest, "currency": "EUR", "lines": vec![line; 400] });
    shop.post(&largest).await.accepted();

    let records = shop.records("orders").await;
    assert_eq!(decode::<OrderPlaced>(&records[0]).total.to_string(), "0.00");
    assert_eq!(decode::<OrderPlaced>(&records[1]).total.to_string(), "7999999999999600.00");
}

#[tokio::test]
async fn a_null_is_as_good_as_a_field_left_out() {
    let shop = Shop::open().await;
    let body = json!({
        "user_id": null, "currency": "EUR", "contact": null,
        "lines": [{ "sku": "a", "name": null, "quantity": 1, "unit_price": "1" }],
    });
    shop.post(&body).await.accepted();
    let placed: OrderPlaced = decode(&shop.records("orders").await[0]);
    assert_eq!((placed.user_id, placed.lines[0].name.clone()), (None, None));
}

#[tokio::test]
async fn the_callers_trace_goes_on_and_a_broken_one_begins_anew() {
    let shop = Shop::open().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    for given in [parent.as_str(), "00-00000000000000000000000000000000-00f067aa0ba902b7-01"] {
        let answer = shop.send(shop.request(&order()).header("traceparent", given)).await;
        answer.accepted();
    }
    let records = shop.records("orders").await;
    let traces: Vec<_> =
        records.iter().map(|record| record.header_str("traceparent").unwrap()).collect();
    assert!(traces[0].starts_with(&format!("00-{trace}-")) && traces[0] != parent, "{traces:?}");
    assert!(!traces[1].contains("00000000000000000000000000000000"), "{traces:?}");
}

#[tokio::test]
async fn a_content_type_may_name_its_charset() {
    let shop = Shop::open().await;
    let request = shop.http.post(format!("{}/orders", shop.url)).body(order().to_string());
    let request = request.header("Content-Type", "Application/JSON; charset=utf-8");
    shop.send(request).await.accepted();
}
