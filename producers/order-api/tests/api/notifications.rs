use std::time::Duration;

use serde_json::json;

use crate::{
    harness::{Shop, Wishes},
    stub_history::{StubHistory, order_json},
};

const PATH: &str = "/orders/o-1/notifications";

/// With a notification service that answers as it is told.
async fn shop() -> (Shop, StubHistory) {
    let stub = StubHistory::start().await;
    let url = stub.url();
    let change = move |settings: &mut order_api::Settings| {
        settings.notifications = Some(url);
        settings.history_timeout = Duration::from_secs(2);
    };
    let shop = Shop::open_with(Wishes { change: Box::new(change), ..Wishes::default() }).await;
    (shop, stub)
}

#[tokio::test]
async fn what_was_sent_about_an_order_is_listed() {
    let (shop, stub) = shop().await;
    shop.history.tell("/orders/o-1", 200, &order_json("o-1"));
    let listed = json!({ "notifications": [
        {
            "id": "d-1", "event_id": "e-1", "channel": "mail", "template": "confirmed",
            "destination": "a…@example.com", "state": "sent", "attempts": 1,
            "at": "2026-11-20T12:00:00Z", "ended_at": "2026-11-20T12:00:01Z",
        },
        {
            "id": "d-2", "event_id": "e-1", "channel": "webhook", "template": "confirmed",
            "state": "due", "attempts": 2, "answer": "the receiver answers 500",
            "at": "2026-11-20T12:00:00Z", "next_try_at": "2026-11-20T12:05:00Z",
        },
    ] });
    let mut newer = listed.clone();
    newer["notifications"][0]["something_new"] = json!(1);
    stub.tell(PATH, 200, &newer);
    let answer = shop.get(PATH).await;
    assert_eq!((answer.status, answer.json()), (200, listed));
}

#[tokio::test]
async fn of_an_order_that_the_caller_may_not_see_nobody_is_asked() {
    let (shop, stub) = shop().await;
    stub.tell(PATH, 200, &json!({ "notifications": [] }));
    shop.get(PATH).await.problem(404, "order-not-found");
    shop.get("/orders/%00/notifications").await.problem(404, "order-not-found");
    assert!(stub.asked().is_empty());
}

#[tokio::test]
async fn a_notification_service_that_is_away_is_told_as_that_and_changes_nothing_else() {
    let (shop, stub) = shop().await;
    shop.history.tell("/orders/o-1", 200, &order_json("o-1"));
    for status in [500, 503, 429] {
        stub.tell_text(PATH, status, "");
        let answer = shop.get(PATH).await;
        answer.problem(503, "notifications-away");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    stub.hang(PATH);
    shop.get(PATH).await.problem(503, "notifications-away");
    for (status, body) in [(200, "no JSON"), (200, "{}"), (404, "")] {
        stub.tell_text(PATH, status, body);
        shop.get(PATH).await.problem(502, "notifications-unusable");
    }
    assert_eq!(shop.get("/readyz").await.status, 200);
    assert_eq!(shop.get("/orders/o-1").await.status, 200);
}

#[tokio::test]
async fn without_its_address_the_route_says_so() {
    let shop = Shop::open().await;
    shop.history.tell("/orders/o-1", 200, &order_json("o-1"));
    let problem = shop.get(PATH).await.problem(501, "notifications-not-told");
    assert!(problem.detail.contains("--notifications"), "{problem:?}");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_at_start() {
    for address in ["nowhere", "https://a.example", "http://a.example/?x"] {
        let shop = Shop::open().await;
        let mut settings = shop.settings();
        settings.notifications = Some(address.to_owned());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refused = order_api::serve(settings, listener, Default::default()).await.unwrap_err();
        assert!(refused.to_string().contains("notification service's address"), "{refused}");
    }
}
