//! What is said of an order after it was placed: cancelled, collected, returned.

use std::time::Duration;

use order_api::ReturnAccepted;
use orderly_schemas::{OrderCancellationRequested, OrderCollected, OrderReturned, RequestedBy};
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Shop, Wishes, decode, event_ids, eventually},
    stub_history::{completed_json, order_json},
};

#[tokio::test]
async fn a_cancellation_is_requested_once_however_often_it_is_asked_for() {
    let shop = Shop::open().await;
    let reason = json!({ "reason": "Changed my mind" });
    let accepted = shop.post_to("/orders/o-1/cancellation", Some(&reason)).await.accepted();
    assert_eq!(accepted.order_id, "o-1");
    shop.post_to("/orders/o-1/cancellation", None).await.accepted();
    shop.post_to("/orders/o-2/cancellation", Some(&json!({}))).await.accepted();

    let records = shop.records("orders").await;
    let ids = event_ids(&records);
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
    assert_eq!(ids[0], accepted.receipt.event_id.to_string());
    assert_eq!(records[0].key(), Some(b"o-1".as_slice()));
    let event: OrderCancellationRequested = decode(&records[0]);
    assert_eq!(event.reason.as_deref(), Some("Changed my mind"));
    assert_eq!(event.requested_by, RequestedBy::Customer);
}

#[tokio::test]
async fn a_collection_is_told_once_however_often_it_is_said() {
    let shop = Shop::open().await;
    shop.post_to("/orders/o-1/collection", None).await.accepted();
    shop.post_to("/orders/o-1/collection", Some(&json!({}))).await.accepted();
    shop.post_to("/orders/o-1/cancellation", None).await.accepted();
    let records = shop.records("orders").await;
    let ids = event_ids(&records);
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
    assert_eq!(decode::<OrderCollected>(&records[0]).order_id, "o-1");
}

async fn with_completed() -> Shop {
    let shop = Shop::open().await;
    shop.history.tell("/orders/o-1", 200, &completed());
    shop
}

fn completed() -> Value {
    let mut sold = completed_json("o-1");
    sold["lines"] = json!([
        { "sku": "margherita", "name": "Margherita", "quantity": 2, "unit_price": "8.5000" },
        { "sku": "olives", "quantity": 1, "unit_price": "0.3333" },
        { "sku": "margherita", "quantity": 3, "unit_price": "7.0000" },
    ]);
    sold
}

/// A return, as history has it: lines as (sku, pieces, unit price).
fn came_back(return_id: &str, lines: &[(&str, i32, &str)]) -> Value {
    let lines = lines.iter().map(|(sku, quantity, unit_price)| {
        json!({ "sku": sku, "quantity": quantity, "unit_price": unit_price })
    });
    json!({
        "return_id": return_id, "returned_at": "2026-11-21T12:00:00Z", "total": "1.00",
        "lines": lines.collect::<Vec<_>>(),
    })
}

impl Shop {
    /// From now on history says that this came back of the completed order.
    fn took_back(&self, returns: Value) {
        let mut sold = completed();
        sold["returns"] = returns;
        self.history.tell("/orders/o-1", 200, &sold);
    }

    async fn return_with_key(&self, key: &str, body: &Value) -> Answer {
        let url = format!("{}/orders/o-1/returns", self.url);
        self.send(self.http.post(&url).header("Idempotency-Key", key).json(body)).await
    }
}

#[tokio::test]
async fn goods_come_back_at_the_prices_they_were_sold_for() {
    let shop = with_completed().await;
    let body = json!({
        "lines": [{ "sku": "margherita", "quantity": 4 }, { "sku": "olives", "quantity": 1 }],
        "reason": "Cold",
    });
    let answer = shop.post_to("/orders/o-1/returns", Some(&body)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.header("location"), Some("/orders/o-1"));
    let accepted: ReturnAccepted = serde_json::from_str(&answer.body).unwrap();
    let records = shop.records("orders").await;
    assert_eq!(records[0].key(), Some(accepted.return_id.as_bytes()));
    let event: OrderReturned = decode(&records[0]);
    assert_eq!(event.order_id, accepted.return_id);
    assert_eq!(event.original_order_id.as_deref(), Some("o-1"));
    assert_eq!((event.user_id.as_deref(), &*event.currency), (Some("ada"), "GBP"));
    assert_eq!(event.reason.as_deref(), Some("Cold"));
    let lines: Vec<_> =
        event.lines.iter().map(|l| (&*l.sku, l.quantity, l.unit_price.to_string())).collect();
    assert_eq!(
        lines,
        [
            ("margherita", 2, "8.5000".to_owned()),
            ("margherita", 2, "7.0000".to_owned()),
            ("olives", 1, "0.3333".to_owned()),
        ]
    );
    assert_eq!(event.total.to_string(), "31.33");
}

#[tokio::test]
async fn with_a_key_a_return_is_the_same_and_without_one_another() {
    let shop = with_completed().await;
    let body = json!({ "lines": [{ "sku": "olives", "quantity": 1 }] });
    let url = format!("{}/orders/o-1/returns", shop.url);
    for key in [Some("k"), Some("k"), Some("l"), None, None] {
        let request = shop.http.post(&url).json(&body);
        let request = key.into_iter().fold(request, |r, key| r.header("Idempotency-Key", key));
        let answer = shop.send(request).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    let records = shop.records("orders").await;
    let ids = event_ids(&records);
    assert_eq!((ids[0], records[0].payload()), (ids[1], records[1].payload()));
    let mut others = ids[1..].to_vec();
    others.sort_unstable();
    others.dedup();
    assert_eq!(others.len(), 4);
}

#[tokio::test]
async fn what_was_not_sold_or_not_completed_does_not_come_back() {
    let shop = with_completed().await;
    let returned =
        |sku: &str, quantity: i32| json!({ "lines": [{ "sku": sku, "quantity": quantity }] });
    for (sku, quantity, field) in
        [("calzone", 1, "lines[0].sku"), ("margherita", 6, "lines[0].quantity")]
    {
        let answer = shop.post_to("/orders/o-1/returns", Some(&returned(sku, quantity))).await;
        let problem = answer.problem(422, "invalid-body");
        assert_eq!(problem.errors[0].field, field);
    }
    let unknown = shop.post_to("/orders/o-2/returns", Some(&returned("olives", 1))).await;
    unknown.problem(404, "order-not-found");
    shop.history.tell("/orders/o-3", 200, &order_json("o-3"));
    let early = shop.post_to("/orders/o-3/returns", Some(&returned("margherita", 1))).await;
    assert!(early.problem(409, "order-not-completed").detail.contains("in_progress"));
    // Cancelled and paid back, it was never collected.
    let mut cancelled = order_json("o-4");
    cancelled["status"] = json!("refunded");
    shop.history.tell("/orders/o-4", 200, &cancelled);
    let never = shop.post_to("/orders/o-4/returns", Some(&returned("margherita", 1))).await;
    assert!(never.problem(409, "order-not-completed").detail.contains("refunded"));
    shop.history.tell_text("/orders/o-4", 500, "");
    let away = shop.post_to("/orders/o-4/returns", Some(&returned("margherita", 1))).await;
    away.problem(503, "history-away");
    assert!(shop.records("orders").await.is_empty());
}

#[tokio::test]
async fn of_what_was_collected_and_paid_back_more_may_come_back() {
    let shop = Shop::open().await;
    let mut refunded = completed_json("o-5");
    refunded["status"] = json!("refunded");
    shop.history.tell("/orders/o-5", 200, &refunded);
    let goods = json!({ "lines": [{ "sku": "margherita", "quantity": 1 }] });
    let again = shop.post_to("/orders/o-5/returns", Some(&goods)).await;
    assert_eq!(again.status, 202, "{again:?}");
}

#[tokio::test]
async fn what_came_back_does_not_come_back_again() {
    let shop = with_completed().await;
    shop.took_back(json!([
        came_back("r-1", &[("margherita", 1, "8.50"), ("olives", 1, "0.3333")]),
        came_back("r-2", &[("margherita", 1, "7.00")]),
    ]));
    let returned =
        |sku: &str, quantity: i32| json!({ "lines": [{ "sku": sku, "quantity": quantity }] });
    for (sku, quantity, left) in
        [("olives", 1, "0 of 1"), ("margherita", 4, "3 of 5"), ("margherita", 6, "3 of 5")]
    {
        let answer = shop.post_to("/orders/o-1/returns", Some(&returned(sku, quantity))).await;
        let problem = answer.problem(422, "invalid-body");
        assert_eq!(problem.errors[0].field, "lines[0].quantity");
        assert!(problem.errors[0].message.contains(left), "{problem:?}");
    }
    assert!(shop.records("orders").await.is_empty());

    let rest = shop.post_to("/orders/o-1/returns", Some(&returned("margherita", 3))).await;
    assert_eq!(rest.status, 202, "{rest:?}");
    let event: OrderReturned = decode(&shop.records("orders").await[0]);
    let lines: Vec<_> =
        event.lines.iter().map(|l| (l.quantity, l.unit_price.to_string())).collect();
    assert_eq!(lines, [(1, "8.5000".to_owned()), (2, "7.0000".to_owned())]);
    assert_eq!(event.total.to_string(), "22.50");
}

#[tokio::test]
async fn more_came_back_than_was_sold_and_nothing_is_left() {
    let shop = with_completed().await;
    let all = i32::MAX;
    shop.took_back(json!([
        came_back("r-1", &[("margherita", all, "8.50"), ("margherita", all, "1.00")]),
        came_back("r-2", &[("calzone", 1, "8.50"), ("olives", -1, "0.3333")]),
    ]));
    let body = json!({ "lines": [
        { "sku": "margherita", "quantity": 1 }, { "sku": "olives", "quantity": 2 },
    ]});
    let problem =
        shop.post_to("/orders/o-1/returns", Some(&body)).await.problem(422, "invalid-body");
    let messages: Vec<_> = problem.errors.iter().map(|error| &*error.message).collect();
    assert!(messages[0].contains("0 of 5"), "{messages:?}");
    assert!(messages[1].contains("ordered, which is 1"), "{messages:?}");
}

#[tokio::test]
async fn a_return_that_is_asked_for_again_is_said_as_it_was() {
    let shop = with_completed().await;
    let body = json!({
        "lines": [{ "sku": "margherita", "quantity": 3 }, { "sku": "olives", "quantity": 1 }],
    });
    let first = shop.return_with_key("k", &body).await;
    assert_eq!(first.status, 202, "{first:?}");
    let accepted: ReturnAccepted = serde_json::from_str(&first.body).unwrap();

    // History heard of it, and of one that was under way at the same time.
    let mut own = came_back(
        &accepted.return_id,
        &[("margherita", 2, "8.50"), ("margherita", 1, "7.00"), ("olives", 1, "0.3333")],
    );
    own["lines"][0]["name"] = json!("Margherita");
    let other = came_back("r-2", &[("margherita", 2, "8.50"), ("olives", 1, "0.3333")]);
    shop.took_back(json!([other, own]));

    let again = shop.return_with_key("k", &body).await;
    assert_eq!(again.status, 202, "{again:?}");
    let records = shop.records("orders").await;
    assert_eq!(event_ids(&records)[0], event_ids(&records)[1]);
    assert_eq!(records[0].payload(), records[1].payload());
    shop.return_with_key("l", &body).await.problem(422, "invalid-body");
}

#[tokio::test]
async fn what_is_not_written_and_what_is_unknown_are_told_apart() {
    let delivery = Some(Duration::from_millis(1_500));
    let shop = Shop::open_with(Wishes { delivery, ..Wishes::default() }).await;
    shop.broker.go_down().unwrap();
    // What was sent just before the connection is cut may have an unknown outcome.
    eventually("surely not written", async || {
        let answer = shop.post_to("/orders/o-1/cancellation", None).await;
        if answer.status == 504 {
            answer.problem(504, "outcome-unknown");
            return false;
        }
        answer.problem(503, "not-written");
        true
    })
    .await;

    let (deadline, delivery) = (Duration::from_millis(500), Some(Duration::from_secs(60)));
    let hasty = Shop::open_with(Wishes { deadline, delivery, ..Wishes::default() }).await;
    hasty.broker.go_down().unwrap();
    let answer = hasty.post_to("/orders/o-1/collection", None).await;
    answer.problem(504, "outcome-unknown");
    hasty.broker.come_back().unwrap();
    eventually("it is taken", async || {
        hasty.post_to("/orders/o-1/collection", None).await.status == 202
    })
    .await;
    let records = hasty.records("orders").await;
    assert!(event_ids(&records).windows(2).all(|pair| pair[0] == pair[1]));
}
