use std::{collections::HashSet, time::Duration};

use serde_json::json;
use tokio::time::Instant;

use crate::harness::{Shop, Wishes, event_ids, eventually, order};

/// A shop that says soon that nothing was written.
async fn impatient() -> Shop {
    let delivery = Some(Duration::from_millis(1_500));
    Shop::open_with(Wishes { delivery, ..Wishes::default() }).await
}

/// A shop whose callers don't wait for the emitter.
async fn hasty() -> Shop {
    let deadline = Duration::from_secs(2);
    let delivery = Some(Duration::from_secs(60));
    Shop::open_with(Wishes { deadline, delivery, ..Wishes::default() }).await
}

#[tokio::test]
async fn what_was_surely_not_written_is_told_and_leaves_its_key_free() {
    let shop = impatient().await;
    shop.broker.go_down().unwrap();
    // What was sent just before the connection is cut may have an unknown outcome: other keys.
    let mut number = 0;
    eventually("surely not written", async || {
        number += 1;
        let answer = shop.post_with_key(&format!("k{number}"), &order()).await;
        if answer.status == 504 {
            answer.problem(504, "outcome-unknown");
            return false;
        }
        answer.problem(503, "order-not-written");
        true
    })
    .await;
    let before = shop.post(&order()).await;
    before.problem(503, "order-not-written");

    shop.broker.come_back().unwrap();

    // Not even bound to its body.
    let mut other = order();
    other["currency"] = json!("EUR");
    let key = format!("k{number}");
    eventually("accepted", async || shop.post_with_key(&key, &other).await.status == 202).await;
}

#[tokio::test]
async fn an_outcome_that_is_not_known_in_time_is_told_in_time_and_a_retry_is_the_same_order() {
    let shop = hasty().await;
    shop.broker.go_down().unwrap();

    let begun = Instant::now();
    let problem = shop.post_with_key("k", &order()).await.problem(504, "outcome-unknown");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(problem.detail.contains("Idempotency-Key"), "{problem:?}");
    let order_id = problem.order_id.unwrap();
    // The lease is over: at once again, under the same ids, and again unknown.
    let again = shop.post_with_key("k", &order()).await;
    assert!(matches!(again.status, 504 | 409), "{again:?}");

    shop.broker.come_back().unwrap();
    eventually("accepted", async || {
        let answer = shop.post_with_key("k", &order()).await;
        answer.status == 202 && answer.accepted().order_id == order_id
    })
    .await;
    eventually("replayed", async || shop.post_with_key("k", &order()).await.is_replayed()).await;

    let records = shop.records("orders").await;
    assert_eq!(event_ids(&records).into_iter().collect::<HashSet<_>>().len(), 1);
}

#[tokio::test]
async fn an_emit_goes_on_when_its_caller_was_told_that_the_outcome_is_unknown() {
    let shop = hasty().await;
    shop.broker.go_down().unwrap();
    let problem = shop.post_with_key("k", &order()).await.problem(504, "outcome-unknown");
    shop.broker.come_back().unwrap();

    let records = shop.first_records("orders", 1).await;
    assert_eq!(records[0].key(), problem.order_id.as_deref().map(str::as_bytes));
    // Its outcome reaches the record, though nobody asked again.
    let database = shop.database();
    eventually("the record is done", async || {
        let row = database.query_opt("SELECT state FROM idempotency", &[]).await.unwrap().unwrap();
        row.get::<String>(0).unwrap() == "done"
    })
    .await;
    assert!(shop.post_with_key("k", &order()).await.is_replayed());
}

#[tokio::test]
async fn without_a_key_an_unknown_outcome_names_the_order_to_look_up() {
    let shop = hasty().await;
    shop.broker.go_down().unwrap();
    let problem = shop.post(&order()).await.problem(504, "outcome-unknown");
    assert!(problem.detail.contains("another order"), "{problem:?}");
    shop.broker.come_back().unwrap();
    let records = shop.first_records("orders", 1).await;
    assert_eq!(records[0].key(), problem.order_id.as_deref().map(str::as_bytes));
}

#[tokio::test]
async fn not_written_after_an_unknown_outcome_stays_unknown_and_keeps_its_body() {
    let shop = impatient().await;
    let first = shop.post_with_key("k", &order()).await.accepted();
    // As a replica leaves it that was killed between acknowledgement and answer.
    let mut tx = shop.database().begin().await.unwrap();
    let sql = "UPDATE idempotency SET state = 'in_flight', lease_until = 0";
    tx.execute(sql, &[]).await.unwrap();
    tx.commit().await.unwrap();
    shop.broker.go_down().unwrap();

    for _ in 0..2 {
        let problem = shop.post_with_key("k", &order()).await.problem(504, "outcome-unknown");
        assert_eq!(problem.order_id.as_deref(), Some(first.order_id.as_str()));
    }
    let mut other = order();
    other["currency"] = json!("EUR");
    shop.post_with_key("k", &other).await.problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn an_order_larger_than_an_event_may_be_is_never_written() {
    let shop = Shop::open_with(Wishes { largest_message: Some(1_200), ..Wishes::default() }).await;
    let mut large = order();
    large["lines"] = json!(vec![large["lines"][0].clone(); 200]);
    shop.post(&large).await.problem(413, "order-too-large");
    shop.post_with_key("k", &large).await.problem(413, "order-too-large");
    // Its key is free.
    shop.post_with_key("k", &order()).await.accepted();
    assert_eq!(shop.records("orders").await.len(), 1);
}

#[tokio::test]
async fn shutting_down_lets_an_order_finish() {
    let mut shop = Shop::open().await;
    shop.broker.go_down().unwrap();
    let body = order();
    let first = shop.post_with_key("k", &body);
    let meanwhile = async {
        shop.claimed("k").await;
        shop.shutdown.cancel();
        shop.broker.come_back().unwrap();
    };
    let (first, ()) = tokio::join!(first, meanwhile);
    first.accepted();
    (&mut shop.served).await.unwrap().unwrap();
    assert_eq!(shop.records("orders").await.len(), 1);
}
