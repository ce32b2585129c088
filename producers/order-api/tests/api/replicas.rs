//! Two replicas on one database: a key stands for one order, whichever of them is asked.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::harness::{Answer, Ground, Shop, Wishes, are_one_order, event_ids, order};

/// Tests on SQLite and on Postgres.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::Replicas::open(super::Ground::sqlite()).await).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $test() {
                let test = concat!(module_path!(), "::", stringify!($test));
                if let Some(ground) = super::Ground::postgres(test).await {
                    super::$test(super::Replicas::open(ground).await).await;
                }
            })*
        }
    };
}

on_both! {
    the_other_replica_gives_the_same_answer,
    the_other_replica_refuses_another_body,
    what_one_is_at_is_in_flight_at_the_other,
    many_at_once_at_both_are_one_event,
    a_lease_that_ended_is_taken_over_by_the_other,
    a_lease_that_has_not_ended_is_not,
    with_the_table_emptied_a_repeat_is_the_same_order_and_event,
}

async fn the_other_replica_gives_the_same_answer(replicas: Replicas) {
    let first = replicas.post(0, &order()).await;
    assert!(!first.is_replayed());

    for replica in [1, 0, 1] {
        let again = replicas.post(replica, &order()).await;
        assert!(again.is_replayed());
        assert_eq!(again.body, first.body);
        assert_eq!(again.accepted(), first.accepted());
    }
    assert_eq!(replicas.shop.records("orders").await.len(), 1);
}

async fn the_other_replica_refuses_another_body(replicas: Replicas) {
    replicas.post(0, &order()).await.accepted();

    let refused = replicas.post(1, &another()).await;

    refused.problem(422, "idempotency-key-reused");
    assert_eq!(replicas.shop.records("orders").await.len(), 1);
}

async fn what_one_is_at_is_in_flight_at_the_other(replicas: Replicas) {
    let shop = &replicas.shop;
    shop.broker.go_down().unwrap();

    let body = order();
    let first = replicas.post(0, &body);
    let meanwhile = async {
        shop.claimed(KEY).await;
        let second = replicas.post(1, &order()).await;
        second.problem(409, "order-in-flight");
        let wait: u64 = second.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=20).contains(&wait), "{wait}");
        replicas.post(1, &another()).await.problem(422, "idempotency-key-reused");
        shop.broker.come_back().unwrap();
    };
    let (first, ()) = tokio::join!(first, meanwhile);

    let third = replicas.post(1, &order()).await;
    assert!(third.is_replayed());
    assert_eq!(third.accepted(), first.accepted());
    assert_eq!(shop.records("orders").await.len(), 1);
}

async fn many_at_once_at_both_are_one_event(replicas: Replicas) {
    let body = order();
    let requests = (0..24).map(|number| replicas.post(number % 2, &body));
    let answers = futures::future::join_all(requests).await;

    are_one_order(&answers);
    assert_eq!(replicas.shop.records("orders").await.len(), 1);
}

async fn a_lease_that_ended_is_taken_over_by_the_other(replicas: Replicas) {
    let first = replicas.post(0, &order()).await.accepted();
    replicas.leave_in_flight(Utc::now() - TimeDelta::seconds(1)).await;
    replicas.post(1, &another()).await.problem(422, "idempotency-key-reused");

    let second = replicas.post(1, &order()).await;

    assert!(!second.is_replayed());
    let second = second.accepted();
    assert_eq!(second.order_id, first.order_id);
    assert_eq!(second.receipt.event_id, first.receipt.event_id);
    // The same bytes, and the same time, too.
    assert_eq!(second.receipt.hash, first.receipt.hash);
    let records = replicas.shop.records("orders").await;
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].timestamp(), records[1].timestamp());
    assert!(replicas.post(0, &order()).await.is_replayed());
}

async fn a_lease_that_has_not_ended_is_not(replicas: Replicas) {
    replicas.post(0, &order()).await.accepted();
    replicas.leave_in_flight(Utc::now() + TimeDelta::minutes(5)).await;

    replicas.post(1, &order()).await.problem(409, "order-in-flight");

    assert_eq!(replicas.shop.records("orders").await.len(), 1);
}

async fn with_the_table_emptied_a_repeat_is_the_same_order_and_event(replicas: Replicas) {
    let first = replicas.post(0, &order()).await.accepted();
    replicas.change("DELETE FROM idempotency", &[]).await;

    let second = replicas.post(1, &order()).await.accepted();

    assert_eq!(second.order_id, first.order_id);
    let id = first.receipt.event_id.to_string();
    assert_eq!(event_ids(&replicas.shop.records("orders").await), [id.as_str(); 2]);
}

const KEY: &str = "k";

struct Replicas {
    shop: Shop,
    urls: [String; 2],
}

impl Replicas {
    async fn open(ground: Ground) -> Self {
        let shop = Shop::open_with(Wishes { ground, ..Wishes::default() }).await;
        let urls = [shop.url.clone(), shop.replica().await];
        Self { shop, urls }
    }

    async fn post(&self, replica: usize, body: &Value) -> Answer {
        let request = self.shop.request_to(&self.urls[replica], body);
        self.shop.send(request.header("Idempotency-Key", KEY)).await
    }

    /// As a replica leaves the key that was killed between acknowledgement and answer.
    async fn leave_in_flight(&self, until: DateTime<Utc>) {
        let sql = "UPDATE idempotency SET state = 'in_flight', lease_until = $1";
        self.change(sql, &[until.into()]).await;
    }

    async fn change(&self, sql: &str, values: &[orderly_stores::Value]) {
        let mut tx = self.shop.database().begin().await.unwrap();
        assert_eq!(tx.execute(sql, values).await.unwrap(), 1);
        tx.commit().await.unwrap();
    }
}

/// Another order than [`order`].
fn another() -> Value {
    let mut another = order();
    another["lines"][0]["quantity"] = json!(3);
    another
}
