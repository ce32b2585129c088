//! A record that nobody can read stops nobody.

use orderly_sdk::{
    OutRecord,
    codec::{Encoders, Registry},
    emit::{EmitSettings, Emitter},
    kafka::Tail,
    record::RecordHeaders,
};
use orderly_tests::{eventually, platform};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_orders_becomes_each_groups_dead_letter_and_the_next_order_goes_through() {
    let platform = platform().await;
    let registry = Registry::new(&platform.config).unwrap();
    let none = Encoders::of("intruder").register(&platform.config, &registry).await.unwrap();
    let settings = EmitSettings::default();
    let intruder = Emitter::connect(&platform.config, none, settings).await.unwrap();
    for partition in 0..12 {
        let garbage = OutRecord {
            topic: "orders".into(),
            partition: Some(partition),
            key: Some(b"who".to_vec()),
            payload: Some(vec![7; 40]),
            headers: RecordHeaders::default(),
            timestamp_ms: 0,
        };
        let _ = intruder.send_encoded(garbage).await.unwrap().await.unwrap();
    }

    let api = format!("http://{}", platform.api);
    let order = json!({
        "currency": "EUR",
        "lines": [{ "sku": "napoli", "quantity": 1, "unit_price": "9.80" }],
    });
    let client = reqwest::Client::new();
    let placed = client.post(format!("{api}/orders")).json(&order).send().await.unwrap();
    assert_eq!(placed.status(), StatusCode::ACCEPTED);
    let url = format!("{api}{}", placed.headers()["location"].to_str().unwrap());
    eventually("the order is ready", || async {
        let order: serde_json::Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
        (order["status"] == "ready").then_some(())
    })
    .await;

    for group in ["history", "fulfilment"] {
        let topic = format!("{group}.dead-letters");
        let mut letters = Tail::from_start(&platform.config, &[&topic]).await.unwrap();
        for _ in 0..12 {
            let letter = letters.next().await.unwrap().unwrap();
            assert_eq!(letter.payload(), Some([7; 40].as_slice()));
            assert_eq!(letter.header_str("dead-letter.topic"), Some("orders"));
            assert_eq!(
                letter.header_str("dead-letter.partition"),
                Some(letter.at().partition.partition.to_string().as_str())
            );
        }
    }
    platform.stop().await.unwrap();
}
