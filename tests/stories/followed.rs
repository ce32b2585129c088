//! An order followed live through every service.

use orderly_tests::platform;
use reqwest::StatusCode;
use serde_json::{Value, json};

/// The events of a stream, until one of this type; with their ids.
async fn until(mut answer: reqwest::Response, last: &str) -> Vec<(String, Value)> {
    assert_eq!(answer.status(), StatusCode::OK);
    let (mut text, mut told) = (String::new(), Vec::new());
    loop {
        let chunk = answer.chunk().await.unwrap().expect("it goes on");
        text.push_str(std::str::from_utf8(&chunk).unwrap());
        while let Some((frame, rest)) = text.split_once("\n\n") {
            let line = |name| frame.lines().find_map(|line: &str| line.strip_prefix(name));
            if let Some(data) = line("data: ") {
                let data: Value = serde_json::from_str(data).unwrap();
                assert_eq!(line("event: "), data["type"].as_str());
                told.push((line("id: ").unwrap().to_owned(), data));
            }
            text = rest.to_owned();
        }
        if told.last().is_some_and(|(_, data)| data["type"] == last) {
            return told;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_follows_an_order_from_the_first_moment_and_goes_on_where_they_were() {
    let platform = platform().await;
    let client = reqwest::Client::new();
    let order = json!({
        "currency": "EUR",
        "lines": [{ "sku": "margherita", "quantity": 1, "unit_price": "8.50" }],
    });
    let api = format!("http://{}", platform.api);
    let placed = client.post(format!("{api}/orders")).json(&order).send().await.unwrap();
    let placed: Value = placed.json().await.unwrap();
    let url = format!("{api}/orders/{}", placed["order_id"].as_str().unwrap());

    // At once: history may not know of it yet.
    let mut told =
        until(client.get(format!("{url}/events")).send().await.unwrap(), "ReadyForPickup").await;
    client.post(format!("{url}/collection")).send().await.unwrap();
    let (from, _) = told.last().unwrap();
    let resumed = client.get(format!("{url}/events")).header("Last-Event-ID", from);
    told.extend(until(resumed.send().await.unwrap(), "OrderCompleted").await);

    let mut shown: Value = Value::Null;
    while shown["status"] != "completed" {
        shown = client.get(&url).send().await.unwrap().json().await.unwrap();
    }
    // The same as the timeline, with the order's status after each.
    let entries: Vec<_> = told
        .iter()
        .map(|(_, data)| {
            let mut entry = data.clone();
            entry.as_object_mut().unwrap().remove("status").unwrap();
            entry
        })
        .collect();
    assert_eq!(Value::from(entries), shown["timeline"]);
    let statuses: Vec<_> = told.iter().map(|(_, data)| data["status"].as_str().unwrap()).collect();
    assert_eq!((statuses[0], statuses[1]), ("placed", "confirmed"));
    assert_eq!(statuses.last(), Some(&"completed"));
    platform.stop().await.unwrap();
}
