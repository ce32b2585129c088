//! Metrics have one recorder for the whole process, so they are tested in one of their own.
#![allow(clippy::unwrap_used, dead_code, missing_docs)]

#[path = "../api/harness.rs"]
mod harness;
#[path = "../api/stub_history.rs"]
mod stub_history;

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;

use crate::harness::{Shop, Wishes, order};

#[tokio::test]
async fn each_outcome_and_each_route_is_counted() {
    let handle = PrometheusBuilder::new().install_recorder().unwrap();
    let change = move |settings: &mut order_api::Settings| settings.metrics = Some(handle);
    let wishes = Wishes {
        deadline: Duration::from_secs(4),
        delivery: Some(Duration::from_secs(60)),
        change: Box::new(change),
        ..Wishes::default()
    };
    let shop = Shop::open_with(wishes).await;
    shop.post(&order()).await.accepted();
    shop.post_with_key("k", &order()).await.accepted();
    assert!(shop.post_with_key("k", &order()).await.is_replayed());
    let mut other = order();
    other["currency"] = json!("EUR");
    shop.post_with_key("k", &other).await.problem(422, "idempotency-key-reused");
    shop.post(&json!({})).await.problem(422, "invalid-order");
    let lock = shop.database().begin().await.unwrap();
    shop.post_with_key("k2", &order()).await.problem(503, "database-away");
    drop(lock);
    shop.broker.go_down().unwrap();
    shop.post(&order()).await.problem(504, "outcome-unknown");
    shop.get("/orders/some-id").await;
    shop.get("/made/up").await;

    let metrics = shop.get("/metrics").await;
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain"), "{metrics:?}");
    for line in [
        "orderly_orders_total{outcome=\"accepted\"} 2",
        "orderly_orders_total{outcome=\"replayed\"} 1",
        "orderly_orders_total{outcome=\"conflict\"} 1",
        "orderly_orders_total{outcome=\"invalid\"} 1",
        "orderly_orders_total{outcome=\"rejected\"} 1",
        "orderly_orders_total{outcome=\"unknown\"} 1",
        "orderly_http_request_seconds_count{route=\"/orders\",method=\"POST\",status=\"202\"} 3",
        "orderly_http_request_seconds_count{route=\"/orders/{id}\",method=\"GET\",status=\"404\"} 1",
        "orderly_http_request_seconds_count{route=\"unmatched\",method=\"GET\",status=\"404\"} 1",
    ] {
        assert!(metrics.body.contains(line), "{line} is not in\n{}", metrics.body);
    }
    assert!(!metrics.body.contains("some-id"), "{}", metrics.body);
}
