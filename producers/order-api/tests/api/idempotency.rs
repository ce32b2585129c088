use std::time::Duration;

use serde_json::json;

use crate::harness::{Shop, Wishes, are_one_order, event_ids, eventually, order};

#[tokio::test]
async fn a_repeat_gets_the_same_answer_and_writes_nothing() {
    let shop = Shop::open().await;
    let first = shop.post_with_key("k", &order()).await;
    assert!(!first.is_replayed());

    // The same order, written otherwise, and the key quoted as the draft has it.
    let mut again = order();
    again["lines"][0]["unit_price"] = json!("8.5");
    let second = shop.post_with_key("\"k\"", &again).await;

    assert!(second.is_replayed());
    assert_eq!(second.body, first.body);
    assert_eq!(second.accepted(), first.accepted());
    assert_eq!(shop.records("orders").await.len(), 1);
}

#[tokio::test]
async fn another_body_is_refused_and_another_key_is_another_order() {
    let shop = Shop::open().await;
    let first = shop.post_with_key("k", &order()).await.accepted();
    let mut other = order();
    other["lines"][0]["quantity"] = json!(3);

    let refused = shop.post_with_key("k", &other).await.problem(422, "idempotency-key-reused");
    assert_eq!(refused.errors[0].field, "Idempotency-Key");

    let second = shop.post_with_key("k2", &order()).await.accepted();
    assert_ne!(first.order_id, second.order_id);
    assert_eq!(shop.records("orders").await.len(), 2);
}

#[tokio::test]
async fn in_flight_is_told_until_it_is_over() {
    let shop = Shop::open().await;
    shop.broker.go_down().unwrap();
    let mut other = order();
    other["currency"] = json!("EUR");

    let body = order();
    let first = shop.post_with_key("k", &body);
    let meanwhile = async {
        shop.claimed("k").await;
        let second = shop.post_with_key("k", &order()).await;
        second.problem(409, "order-in-flight");
        let wait: u64 = second.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=20).contains(&wait), "{wait}");
        shop.post_with_key("k", &other).await.problem(422, "idempotency-key-reused");
        shop.broker.come_back().unwrap();
    };
    let (first, ()) = tokio::join!(first, meanwhile);

    let third = shop.post_with_key("k", &order()).await;
    assert!(third.is_replayed());
    assert_eq!(third.accepted(), first.accepted());
    assert_eq!(shop.records("orders").await.len(), 1);
}

#[tokio::test]
async fn many_at_once_with_one_key_are_one_event() {
    let shop = Shop::open().await;
    let body = order();
    let requests = (0..24).map(|_| shop.post_with_key("k", &body));
    let answers = futures::future::join_all(requests).await;

    are_one_order(&answers);
    assert_eq!(shop.records("orders").await.len(), 1);
}

#[tokio::test]
async fn a_lease_that_ended_is_taken_over_under_the_same_ids() {
    let shop = Shop::open().await;
    let first = shop.post_with_key("k", &order()).await.accepted();
    // As a replica leaves it that was killed between acknowledgement and answer.
    change(&shop, "UPDATE idempotency SET state = 'in_flight', lease_until = 0").await;

    let second = shop.post_with_key("k", &order()).await;

    assert!(!second.is_replayed());
    let second = second.accepted();
    assert_eq!(second.order_id, first.order_id);
    assert_eq!(second.receipt.event_id, first.receipt.event_id);
    // The same bytes, and the same time, too.
    assert_eq!(second.receipt.hash, first.receipt.hash);
    let records = shop.records("orders").await;
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].timestamp(), records[1].timestamp());
}

#[tokio::test]
async fn a_lost_record_makes_a_known_repeat() {
    let shop = Shop::open().await;
    let first = shop.post_with_key("k", &order()).await.accepted();
    change(&shop, "DELETE FROM idempotency").await;

    let second = shop.post_with_key("k", &order()).await.accepted();

    assert_eq!(second.order_id, first.order_id);
    let id = first.receipt.event_id.to_string();
    assert_eq!(event_ids(&shop.records("orders").await), [id.as_str(); 2]);
}

#[tokio::test]
async fn an_answer_is_kept_for_its_time_and_the_ids_for_ever() {
    let change = |settings: &mut order_api::Settings| settings.keep_answers = Duration::ZERO;
    let shop = Shop::open_with(Wishes { change: Box::new(change), ..Wishes::default() }).await;
    let first = shop.post_with_key("k", &order()).await.accepted();
    let second = shop.post_with_key("k", &order()).await;
    assert!(!second.is_replayed());
    assert_eq!(second.accepted().receipt.event_id, first.receipt.event_id);
}

#[tokio::test]
async fn an_invalid_order_leaves_its_key_free() {
    let shop = Shop::open().await;
    shop.post_with_key("k", &json!({ "currency": "GBP" })).await.problem(422, "invalid-order");
    shop.post_with_key("k", &order()).await.accepted();
}

#[tokio::test]
async fn a_locked_database_refuses_keys_and_takes_orders_without() {
    let deadline = Duration::from_secs(4);
    let shop = Shop::open_with(Wishes { deadline, ..Wishes::default() }).await;
    // Its tables are there.
    shop.post_with_key("first", &order()).await.accepted();
    let lock = shop.database().begin().await.unwrap();

    shop.post_with_key("k", &order()).await.problem(503, "database-away");
    shop.post(&order()).await.accepted();

    drop(lock);
    eventually("the key is free", async || shop.post_with_key("k", &order()).await.status == 202)
        .await;
    assert_eq!(shop.records("orders").await.len(), 3);
}

#[tokio::test]
async fn a_database_that_goes_away_behind_an_acceptance_changes_nothing_for_the_caller() {
    let shop = Shop::open().await;
    shop.broker.go_down().unwrap();

    let body = order();
    let first = shop.post_with_key("k", &body);
    let meanwhile = async {
        shop.claimed("k").await;
        let lock = shop.database().begin().await.unwrap();
        shop.broker.come_back().unwrap();
        lock
    };
    let (first, lock) = tokio::join!(first, meanwhile);
    let accepted = first.accepted();

    drop(lock);
    // Kept behind the answer, as soon as the database lets it.
    let again = async || {
        let again = shop.post_with_key("k", &order()).await;
        again.is_replayed() && again.accepted() == accepted
    };
    eventually("the answer is kept", again).await;
    assert_eq!(shop.records("orders").await.len(), 1);
}

async fn change(shop: &Shop, sql: &str) {
    let mut tx = shop.database().begin().await.unwrap();
    assert_eq!(tx.execute(sql, &[]).await.unwrap(), 1);
    tx.commit().await.unwrap();
}
