use std::time::Duration;

use orderly_harness::{Registry, need, parts};

use crate::eventually::eventually;

/// For what must be answered: a registry that has just started is slow at first.
const PATIENCE: Duration = Duration::from_secs(60);
/// For what mustn't be.
const NOT_WITHIN: Duration = Duration::from_secs(3);

fn http(within: Duration) -> reqwest::Client {
    reqwest::Client::builder().timeout(within).no_proxy().build().unwrap()
}

async fn register(url: &str, subject: &str) {
    let schema = r#"{"schema": "{\"type\": \"string\"}"}"#;
    let asked = http(PATIENCE)
        .post(format!("{url}/subjects/{subject}/versions"))
        .header("content-type", "application/json");
    let answer = asked.body(schema).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

async fn has(url: &str, subject: &str) -> bool {
    has_within(PATIENCE, url, subject).await
}

async fn has_within(within: Duration, url: &str, subject: &str) -> bool {
    let Ok(answer) = http(within).get(format!("{url}/subjects")).send().await else { return false };
    answer.text().await.is_ok_and(|subjects| subjects.contains(&format!("\"{subject}\"")))
}

#[tokio::test]
async fn a_registry_killed_and_started_again_has_its_schemas() {
    let registry = need!(Registry::start().await);
    register(registry.url(), "orders-value").await;
    registry.kill().await.unwrap();
    assert!(!has(registry.url(), "orders-value").await);
    registry.start_again().await.unwrap();
    assert!(has(registry.url(), "orders-value").await);
}

#[tokio::test]
async fn a_paused_registry_answers_nothing_until_it_is_resumed() {
    let registry = need!(Registry::start().await);
    register(registry.url(), "paused-value").await;
    registry.pause().await.unwrap();
    assert!(!has_within(NOT_WITHIN, registry.url(), "paused-value").await);
    registry.resume().await.unwrap();
    eventually("the registry answers", async || has(registry.url(), "paused-value").await).await;
}

#[tokio::test]
async fn tests_on_the_shared_registry_are_given_prefixes_of_their_own() {
    let (one, other) = (need!(parts::registry().await), need!(parts::registry().await));
    assert_ne!(one.prefix, other.prefix);
    register(&one.url, &format!("{}orders-value", one.prefix)).await;
    assert!(has(&other.url, &format!("{}orders-value", one.prefix)).await);
}
