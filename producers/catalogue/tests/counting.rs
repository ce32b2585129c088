//! Stock as it is counted.

use reqwest::Method;
use serde_json::json;

use crate::parts::{Answer, Shop, margherita};

on_both! {
    a_count_is_kept_shown_and_told,
    each_count_is_told_also_one_that_gives_the_same,
    what_there_is_no_product_of_is_not_counted,
    a_count_that_is_conditional_is_refused,
}

async fn a_count_is_kept_shown_and_told(shop: Shop) {
    shop.put("/products/a", &margherita()).await;
    shop.get("/stock/a").await.problem(404, "stock-not-counted");
    let counted = shop.put("/stock/a", &json!({ "on_hand": 40 })).await.json(200);
    assert_eq!((&counted["sku"], &counted["on_hand"]), (&json!("a"), &json!(40)));
    assert_eq!(shop.get("/stock/a").await.json(200), counted);
    let told = shop.told().await;
    assert_eq!(told[1], ("stock".into(), "a".into(), Some(json!({ "on_hand": 40 }))));
    let records = shop.records().await;
    let at = counted["counted_at"].as_str().unwrap();
    let at = chrono::DateTime::parse_from_rfc3339(at).unwrap();
    assert_eq!(records[1].timestamp_ms, at.timestamp_millis());
}

async fn each_count_is_told_also_one_that_gives_the_same(shop: Shop) {
    shop.put("/products/a", &margherita()).await;
    for on_hand in [0, 5, 5, i32::MAX] {
        let counted = shop.put("/stock/a", &json!({ "on_hand": on_hand })).await.json(200);
        assert_eq!(counted["on_hand"], on_hand);
    }
    let told: Vec<_> = shop.told().await.into_iter().skip(1).map(|(.., event)| event).collect();
    let counts = [0, 5, 5, i32::MAX].map(|on_hand| Some(json!({ "on_hand": on_hand })));
    assert_eq!(told, counts);
}

async fn what_there_is_no_product_of_is_not_counted(shop: Shop) {
    let problem = shop.put("/stock/a", &json!({ "on_hand": 1 })).await;
    problem.problem(404, "product-not-found");
    assert!(shop.told().await.is_empty() && shop.rows().await.is_empty());
}

async fn a_count_that_is_conditional_is_refused(shop: Shop) {
    shop.put("/products/a", &margherita()).await;
    for condition in ["If-Match", "If-None-Match"] {
        let request = shop.request(Method::PUT, "/stock/a").header(condition, "*");
        let answer = Answer::of(request.json(&json!({ "on_hand": 1 }))).await;
        answer.problem(400, "invalid-request");
    }
    shop.get("/stock/a").await.problem(404, "stock-not-counted");
}
