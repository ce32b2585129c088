use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    harness::{Shop, Wishes},
    stub_history::order_json,
};

async fn shop_with_patience(patience: Duration) -> Shop {
    let change = move |settings: &mut order_api::Settings| settings.history_timeout = patience;
    Shop::open_with(Wishes { change: Box::new(change), ..Wishes::default() }).await
}

#[tokio::test]
async fn an_order_is_told_as_history_knows_it() {
    let shop = Shop::open().await;
    let order = order_json("o-1");
    let mut newer = order.clone();
    newer["something_new"] = json!(1);
    shop.history.tell("/orders/o-1", 200, &newer);
    let answer = shop.get("/orders/o-1").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json(), order);
}

#[tokio::test]
async fn head_answers_without_a_body() {
    let shop = Shop::open().await;
    shop.history.tell("/orders/o-1", 200, &order_json("o-1"));
    let answer = shop.send(shop.http.head(format!("{}/orders/o-1", shop.url))).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_ne!(answer.header("content-length"), None);
}

#[tokio::test]
async fn an_unknown_order_may_be_known_in_a_moment() {
    let shop = Shop::open().await;
    let answer = shop.get("/orders/o-1").await;
    let problem = answer.problem(404, "order-not-found");
    assert!(problem.detail.contains("moments"), "{problem:?}");
    assert_eq!(problem.order_id.as_deref(), Some("o-1"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("preference-applied"), None);
    assert_eq!(shop.history.asked(), ["/orders/o-1"]);
}

#[tokio::test]
async fn who_prefers_to_wait_gets_the_order_as_soon_as_it_is_known() {
    let shop = Shop::open().await;
    let request = shop.http.get(format!("{}/orders/o-1", shop.url)).header("Prefer", "wait=5");
    let begun = Instant::now();
    let meanwhile = async {
        shop.history.asked_times(3).await;
        shop.history.tell("/orders/o-1", 200, &order_json("o-1"));
    };
    let (answer, ()) = tokio::join!(shop.send(request), meanwhile);
    assert_eq!(answer.json(), order_json("o-1"));
    assert_eq!(answer.header("preference-applied"), Some("wait=5"));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn waiting_ends_when_the_time_is_over() {
    let shop = Shop::open().await;
    let request = shop.http.get(format!("{}/orders/o-1", shop.url)).header("Prefer", "wait=1");
    let begun = Instant::now();
    let answer = shop.send(request).await;
    answer.problem(404, "order-not-found");
    assert_eq!(answer.header("preference-applied"), Some("wait=1"));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(shop.history.asked().len() > 2);
}

#[tokio::test]
async fn an_id_that_no_order_can_have_is_not_asked_for() {
    let shop = Shop::open().await;
    let long = "x".repeat(65);
    for id in ["a%20b", "%2e%2e%2fusers", "a%2Fb", "%C3%A9", "%FF", "a%00b", &long] {
        shop.get(&format!("/orders/{id}")).await.problem(404, "order-not-found");
        let problem = shop.get(&format!("/users/{id}/orders")).await;
        let problem = problem.problem(400, "invalid-request");
        assert_eq!(problem.errors[0].field, "id", "{id}");
    }
    // A client library would take these for steps of the path.
    for id in ["%2e%2E", "%2E", "..", "."] {
        let request = format!("GET /orders/{id} HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = shop.raw(request.as_bytes(), "order-not-found").await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    }
    assert!(shop.history.asked().is_empty());
}

fn page() -> Value {
    json!({
        "orders": [{ "order_id": "o-2", "status": "placed", "currency": "GBP", "total": "1.00",
                     "placed_at": "2026-11-20T12:00:00Z" }],
        "next": "c+/=2",
    })
}

#[tokio::test]
async fn a_users_orders_come_in_pages() {
    let shop = Shop::open().await;
    shop.history.tell("/users/ada/orders?limit=20", 200, &page());
    let last = json!({ "orders": [] });
    shop.history.tell("/users/ada/orders?limit=1&cursor=c%2B%2F%3D2", 200, &last);
    assert_eq!(shop.get("/users/ada/orders").await.json(), page());
    assert_eq!(shop.get("/users/ada/orders?cursor=c%2B/=2&limit=1").await.json(), last);
    // Nobody knows this one.
    assert_eq!(shop.get("/users/bob/orders?limit=100").await.json(), last);
}

#[tokio::test]
async fn a_parameter_that_can_not_be_is_named_and_not_passed_on() {
    let shop = Shop::open().await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("limit=ten", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=", "cursor"),
        ("cursor=a%20b", "cursor"),
        ("cursor=a&cursor=b", "cursor"),
        ("page=2", "(query)"),
    ] {
        let problem = shop.get(&format!("/users/ada/orders?{query}")).await;
        let problem = problem.problem(400, "invalid-request");
        assert_eq!(problem.errors[0].field, field, "{query}");
    }
    assert!(shop.history.asked().is_empty());
}

#[tokio::test]
async fn a_cursor_that_history_refuses_is_the_callers_fault() {
    let shop = Shop::open().await;
    shop.history.tell("/users/ada/orders?limit=20&cursor=made-up", 400, &json!({}));
    let answer = shop.get("/users/ada/orders?cursor=made-up").await;
    assert_eq!(answer.problem(400, "invalid-request").errors[0].field, "cursor");
}

#[tokio::test]
async fn a_history_that_fails_is_told_apart() {
    let shop = shop_with_patience(Duration::from_secs(2)).await;
    for (told, status, name) in [
        ((500, "{}"), 503, "history-away"),
        ((503, "{}"), 503, "history-away"),
        ((429, "{}"), 503, "history-away"),
        ((200, "{"), 502, "history-unusable"),
        ((200, "{}"), 502, "history-unusable"),
        ((302, "{}"), 502, "history-unusable"),
        ((400, "{}"), 502, "history-unusable"),
    ] {
        shop.history.tell_text("/orders/o-1", told.0, told.1);
        shop.history.tell_text("/users/ada/orders?limit=20", told.0, told.1);
        shop.get("/orders/o-1").await.problem(status, name);
        shop.get("/users/ada/orders").await.problem(status, name);
    }
    let mut float = order_json("o-1");
    float["total"] = json!(18.0);
    shop.history.tell("/orders/o-1", 200, &float);
    shop.get("/orders/o-1").await.problem(502, "history-unusable");
    shop.history.tell_text("/orders/o-1", 200, &" ".repeat(5 << 20));
    shop.get("/orders/o-1").await.problem(502, "history-unusable");
    shop.history.hang("/orders/o-1");
    shop.get("/orders/o-1").await.problem(504, "history-slow");
}

#[tokio::test]
async fn a_history_that_is_not_there_stops_no_order() {
    // A port that was free a moment ago.
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let nobody = format!("http://{}/base/", listener.local_addr().unwrap());
    drop(listener);
    let change = move |settings: &mut order_api::Settings| settings.history = nobody;
    let shop = Shop::open_with(Wishes { change: Box::new(change), ..Wishes::default() }).await;
    let accepted = shop.post(&crate::harness::order()).await.accepted();
    let answer = shop.get(&format!("/orders/{}", accepted.order_id)).await;
    answer.problem(503, "history-away");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_at_start() {
    for address in ["", "history:8080", "ftp://history", "https://history"] {
        let history = address.to_owned();
        let change = move |settings: &mut order_api::Settings| settings.history = history;
        let wishes = Wishes { change: Box::new(change), ..Wishes::default() };
        let mut shop = Shop::open_with(wishes).await;
        let error = (&mut shop.served).await.unwrap().unwrap_err();
        assert!(error.to_string().contains("history's address"), "{error}");
    }
}
