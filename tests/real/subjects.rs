//! `orderly apply`: schemas; and what registries make of them.

use std::time::{Duration, Instant};

use orderly::apply::ApplyError;
use orderly_harness::need;
use orderly_schemas::OrderPlaced;
use orderly_sdk::{Config, Event as _, UnknownSchemas, codec::Registry};
use serde_json::{Value, json};

use crate::parts::{apply, cluster, plan, shop, there};

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_cant_follow_the_newest_stops_everything_before_it_begins() {
    let config = need!(cluster().await);
    // What it wrote, ours couldn't read: `total` is of another kind.
    let before = changed(|fields| fields.retain(|field| field["name"] != "total"));
    register(&config, &before).await;
    let refused = plan(&config, &shop("retention: forever")).await.err().unwrap();
    is_refused_by_name(&config, &refused);
    assert_eq!(there(&config).await, []);
    assert_eq!(versions(&config).await, json!([1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_the_registry_refuses_stops_everything_before_it_begins() {
    let config = need!(cluster().await);
    // Ours reads what it wrote; but it can't read ours.
    let before = changed(|fields| fields.push(json!({ "name": "needed", "type": "string" })));
    register(&config, &before).await;
    set_level(&config, "FULL").await;
    let refused = plan(&config, &shop("retention: forever")).await.err().unwrap();
    is_refused_by_name(&config, &refused);
    assert_eq!(there(&config).await, []);
    assert_eq!(versions(&config).await, json!([1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_follows_the_one_that_is_there_at_the_level_that_is_there() {
    let config = need!(cluster().await);
    let before = changed(|fields| fields.retain(|field| field["name"] != "user_id"));
    register(&config, &before).await;
    set_level(&config, "BACKWARD").await;
    let report = apply(&config, &shop("retention: forever")).await;
    assert!(report.schemas_registered.contains(&subject(&config)), "{report:?}");
    assert_eq!(versions(&config).await, json!([1, 2]));
    assert_eq!(level(&config).await, "BACKWARD");
    let [warning] = &*report.warnings else { panic!("{:?}", report.warnings) };
    assert!(warning.contains(&subject(&config)) && warning.contains("BACKWARD"), "{warning}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_subject_lets_no_schema_in_that_consumers_couldnt_read() {
    let config = need!(cluster().await);
    let report = apply(&config, &shop("retention: forever")).await;
    assert!(report.schemas_registered.contains(&subject(&config)), "{report:?}");
    for bad in [
        changed(|fields| fields.push(json!({ "name": "needed", "type": "string" }))),
        changed(|fields| fields.retain(|field| field["name"] != "total")),
    ] {
        let refused = try_register(&config, &bad).await.unwrap_err();
        assert!(refused.contains("incompatible"), "{refused}");
    }
    // The repository's own two, and neither of these.
    assert_eq!(versions(&config).await, json!([1, 2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_registers_first_holds_its_subject_as_apply_does() {
    let config = need!(cluster().await);
    register(&config, OrderPlaced::SCHEMA).await;
    assert_eq!(level(&config).await, "FULL");
    let needed = changed(|fields| fields.push(json!({ "name": "needed", "type": "string" })));
    let refused = try_register(&config, &needed).await.unwrap_err();
    assert!(refused.contains("incompatible"), "{refused}");
    let report = apply(&config, &shop("retention: forever")).await;
    assert_eq!(report.warnings, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_service_registers_nothing() {
    let config = need!(cluster().await);
    let first = try_register(&config, OrderPlaced::SCHEMA).await.unwrap();
    // The same in another layout.
    let compact: Value = serde_json::from_str(OrderPlaced::SCHEMA).unwrap();
    let second = try_register(&config, &compact.to_string()).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(versions(&config).await, json!([1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_of_other_bytes_are_other_schemas() {
    let config = need!(cluster().await);
    let text = OrderPlaced::SCHEMA;
    let first = try_register(&config, text).await.unwrap();
    let other = text.replacen(r#""scale": 2"#, r#""scale": 3"#, 1);
    assert_ne!(text, other);
    let second = try_register(&config, &other).await;
    assert_ne!(second, Ok(first));
}

fn is_refused_by_name(config: &Config, refused: &ApplyError) {
    assert!(matches!(refused, ApplyError::Schemas(_)), "{refused}");
    assert!(refused.to_string().contains(&subject(config)), "{refused}");
}

fn subject(config: &Config) -> String {
    format!("{}orders-{}", config.prefix, OrderPlaced::TYPE)
}

/// The order's schema with other fields.
fn changed(change: impl FnOnce(&mut Vec<Value>)) -> String {
    let mut schema: Value = serde_json::from_str(OrderPlaced::SCHEMA).unwrap();
    change(schema["fields"].as_array_mut().unwrap());
    schema.to_string()
}

async fn register(config: &Config, schema: &str) {
    try_register(config, schema).await.unwrap();
}

async fn try_register(config: &Config, schema: &str) -> Result<u32, String> {
    let topic = format!("{}orders", config.prefix);
    let deadline = Instant::now() + Duration::from_secs(10);
    Registry::new(config)
        .unwrap()
        .id_of(&topic, OrderPlaced::TYPE, schema, UnknownSchemas::Register, deadline)
        .await
        .map_err(|refused| refused.to_string())
}

async fn versions(config: &Config) -> Value {
    ask(config, &format!("subjects/{}/versions", subject(config))).await
}

async fn level(config: &Config) -> Value {
    ask(config, &format!("config/{}", subject(config))).await["compatibilityLevel"].take()
}

async fn ask(config: &Config, path: &str) -> Value {
    reqwest::get(format!("{}/{path}", config.registry)).await.unwrap().json().await.unwrap()
}

async fn set_level(config: &Config, level: &str) {
    let url = format!("{}/config/{}", config.registry, subject(config));
    let body = json!({ "compatibility": level });
    let answer = reqwest::Client::new().put(url).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
}
