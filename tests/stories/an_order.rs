//! One order, from its customer's side.

use orderly_schemas::OrderCollected;
use orderly_sdk::{
    codec::{Encoders, Registry},
    emit::{EmitSettings, Emitter},
};
use orderly_tests::{eventually, platform};
use reqwest::StatusCode;
use serde_json::{Value, json};

fn pizza(user: &str) -> Value {
    json!({
        "user_id": user,
        "currency": "EUR",
        "lines": [
            { "sku": "margherita", "name": "Margherita", "quantity": 2, "unit_price": "8.50" },
            { "sku": "fig", "quantity": 1, "unit_price": "12.7550" },
        ],
        "contact": { "email": format!("{user}@example.com") },
    })
}

async fn get(url: &str) -> Option<Value> {
    let answer = reqwest::get(url).await.unwrap();
    match answer.status() {
        StatusCode::OK => Some(answer.json().await.unwrap()),
        StatusCode::NOT_FOUND => None,
        status => panic!("{url}: {status}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_orders_and_follows_it_to_the_end() {
    let platform = platform().await;
    let api = format!("http://{}", platform.api);
    let client = reqwest::Client::new();

    let answer = client.post(format!("{api}/orders")).json(&pizza("ada")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let accepted: Value = answer.json().await.unwrap();
    let order_id = accepted["order_id"].as_str().unwrap();
    assert_eq!(location, format!("/orders/{order_id}"));
    assert_eq!(accepted["receipt"]["topic"], "orders");

    let url = format!("{api}{location}");
    let ready = eventually("the order is ready", || async {
        get(&url).await.filter(|order| order["status"] == "ready")
    })
    .await;
    assert_eq!(ready["total"], "29.76"); // 2 × 8.50 + 12.7550, rounded once
    assert_eq!(ready["lines"].as_array().unwrap().len(), 2);

    let registry = Registry::new(&platform.config).unwrap();
    let encoders = Encoders::of("counter").event::<OrderCollected>();
    let encoders = encoders.register(&platform.config, &registry).await.unwrap();
    let counter = Emitter::connect(&platform.config, encoders, EmitSettings::default());
    let collected = OrderCollected { order_id: order_id.to_owned() };
    counter.await.unwrap().emit(&collected).await.unwrap();

    let done = eventually("the order is completed", || async {
        get(&url).await.filter(|order| order["status"] == "completed")
    })
    .await;
    let told: Vec<&str> =
        done["timeline"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(
        told,
        [
            "OrderPlaced",
            "OrderConfirmed",
            "StageStarted",
            "StageCompleted",
            "StageStarted",
            "StageCompleted",
            "StageStarted",
            "StageCompleted",
            "ReadyForPickup",
            "OrderCollected",
            "OrderCompleted",
        ]
    );

    let mails = eventually("both mails", || async {
        let url = format!("http://{}/mailbox.json?order_id={order_id}", platform.mailbox_address);
        let mails: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        (mails.as_array()?.len() == 2).then_some(mails)
    })
    .await;
    assert!(mails.to_string().contains("ada@example.com"));

    let list = get(&format!("{api}/users/ada/orders")).await.unwrap();
    assert_eq!(list["orders"][0]["order_id"], order_id);
    platform.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_the_same_order_everywhere() {
    let platform = platform().await;
    let api = format!("http://{}", platform.api);
    let client = reqwest::Client::new();
    let place = async || {
        let request = client.post(format!("{api}/orders")).header("Idempotency-Key", "once");
        request.json(&pizza("bob")).send().await.unwrap().json::<Value>().await.unwrap()
    };
    let (first, again) = (place().await, place().await);
    assert_eq!(first, again);
    let url = format!("{api}/users/bob/orders");
    let list = eventually("it is in the list", || async {
        get(&url).await.filter(|list| !list["orders"].as_array().unwrap().is_empty())
    })
    .await;
    assert_eq!(list["orders"].as_array().unwrap().len(), 1);
    platform.stop().await.unwrap();
}
