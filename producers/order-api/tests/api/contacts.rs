use std::time::Duration;

use orderly_schemas::{ContactGiven, OrderPlaced};
use serde_json::{Value, json};

use crate::harness::{EMAIL, Shop, Wishes, decode, event_ids, eventually, order_with_contact};

#[tokio::test]
async fn a_contact_is_there_before_its_order_and_not_on_it() {
    let shop = Shop::open().await;
    for key in [None, Some("k")] {
        let request = shop.request(&order_with_contact());
        let request = key.into_iter().fold(request, |r, key| r.header("Idempotency-Key", key));
        let accepted = shop.send(request).await.accepted();

        let orders = shop.records("orders").await;
        let order = orders.last().unwrap();
        assert_eq!(decode::<OrderPlaced>(order).order_id, accepted.order_id);
        let email = EMAIL.as_bytes();
        assert!(!order.payload().unwrap().windows(email.len()).any(|part| part == email));

        let contacts = shop.records("contacts").await;
        assert_eq!(contacts.len(), orders.len());
        let contact: ContactGiven = decode(contacts.last().unwrap());
        assert_eq!(contact.order_id, accepted.order_id);
        assert_eq!(contact.email.as_deref(), Some(EMAIL));
        assert_eq!(contact.user_id.as_deref(), Some("ada"));
        let trace = |header: Option<&str>| header.unwrap()[..35].to_owned();
        assert_eq!(
            trace(order.header_str("traceparent")),
            trace(contacts.last().unwrap().header_str("traceparent"))
        );
    }
}

#[tokio::test]
async fn a_contact_that_is_not_written_keeps_its_order_from_being_written() {
    let delivery = Some(Duration::from_millis(1_500));
    let shop = Shop::open_with(Wishes { delivery, ..Wishes::default() }).await;
    shop.broker.go_down().unwrap();
    // Never unknown: the order isn't even tried.
    let with_key = shop.post_with_key("k1", &order_with_contact()).await;
    with_key.problem(503, "order-not-written");
    shop.post(&order_with_contact()).await.problem(503, "order-not-written");
    shop.broker.come_back().unwrap();
    eventually("the key is free and the order accepted", async || {
        shop.post_with_key("k1", &order_with_contact()).await.status == 202
    })
    .await;
    assert_eq!(shop.records("orders").await.len(), 1);
}

/// Small enough a bound that a contact fits an event and the order doesn't.
async fn narrow() -> (Shop, Value) {
    let shop = Shop::open_with(Wishes { largest_message: Some(1_200), ..Wishes::default() }).await;
    let mut large = order_with_contact();
    large["lines"] = json!(vec![large["lines"][0].clone(); 200]);
    (shop, large)
}

#[tokio::test]
async fn the_contact_of_an_order_that_was_not_written_is_deleted() {
    let (shop, large) = narrow().await;
    let problem = shop.post(&large).await.problem(413, "order-too-large");
    let order_id = problem.order_id.unwrap();

    let contacts = shop.first_records("contacts", 2).await;
    assert_eq!(decode::<ContactGiven>(&contacts[0]).order_id, order_id);
    assert_eq!(contacts[1].key(), Some(order_id.as_bytes()));
    assert_eq!(contacts[1].payload(), None);
    assert!(shop.records("orders").await.is_empty());
}

#[tokio::test]
async fn with_a_key_the_contact_is_deleted_before_the_key_is_free() {
    let (shop, large) = narrow().await;
    shop.post_with_key("k", &large).await.problem(413, "order-too-large");

    // Another body is taken only when the key is free again.
    eventually("the key is free", async || {
        shop.post_with_key("k", &order_with_contact()).await.status == 202
    })
    .await;

    let contacts = shop.records("contacts").await;
    let kinds: Vec<_> = contacts.iter().map(|record| record.payload().is_some()).collect();
    assert_eq!(kinds, [true, false, true]);
    assert_eq!(contacts[0].key(), contacts[1].key());
    assert_ne!(contacts[1].key(), contacts[2].key());
}

#[tokio::test]
async fn a_retry_in_doubt_never_deletes_the_contact() {
    let (shop, large) = narrow().await;
    // It answers, so its tables are there.
    assert_eq!(shop.get("/healthz").await.status, 200);
    // As if the replica were killed before it could change the record.
    let killed = "CREATE TRIGGER killed BEFORE DELETE ON idempotency \
                  BEGIN SELECT RAISE(IGNORE); END";
    change(&shop, killed).await;
    shop.post_with_key("k", &large).await.problem(413, "order-too-large");
    shop.first_records("contacts", 2).await;
    change(&shop, "DROP TRIGGER killed").await;
    change(&shop, "UPDATE idempotency SET lease_until = 0").await;

    shop.post_with_key("k", &large).await.problem(504, "outcome-unknown");

    shop.post(&order_with_contact()).await.accepted();
    let contacts = shop.records("contacts").await;
    let kinds: Vec<_> = contacts.iter().map(|record| record.payload().is_some()).collect();
    assert_eq!(kinds, [true, false, true, true]);
    assert_eq!(event_ids(&contacts[..1]), event_ids(&contacts[2..3]));
}

async fn change(shop: &Shop, sql: &str) {
    let mut tx = shop.database().begin().await.unwrap();
    tx.execute(sql, &[]).await.unwrap();
    tx.commit().await.unwrap();
}
