use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use order_api::Settings;
use serde_json::json;

use crate::{
    harness::{Shop, Wishes, eventually, order},
    stub_history::order_json,
};

async fn shop_with(change: impl FnOnce(&mut Settings) + Send + 'static) -> Shop {
    Shop::open_with(Wishes { change: Box::new(change), ..Wishes::default() }).await
}

#[tokio::test]
async fn a_fresh_service_is_alive_and_ready() {
    let shop = Shop::open().await;
    assert_eq!(shop.get("/healthz").await.body, "ok\n");
    let ready = shop.get("/readyz").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    let ok = ["emitter", "database", "prices", "load", "cache", "service"].map(|part| (part, "ok"));
    let ok: serde_json::Map<_, _> =
        ok.into_iter().map(|(part, is)| (part.to_owned(), json!(is))).collect();
    assert_eq!(ready.json(), json!({ "ready": true, "parts": ok }));
    // Nobody gave it any.
    shop.get("/metrics").await.problem(404, "no-such-route");
}

#[tokio::test]
async fn the_part_that_is_not_ready_is_named_and_orders_are_refused_meanwhile() {
    let is_full = Arc::new(AtomicBool::new(true));
    let full = Arc::clone(&is_full);
    let shop = shop_with(move |settings| {
        settings.admission = Some(Arc::new(move || {
            if full.load(Ordering::Relaxed) { Err("history is far behind".into()) } else { Ok(()) }
        }));
    })
    .await;

    let problem = shop.post_with_key("k", &order()).await.problem(503, "overloaded");
    assert!(problem.detail.contains("history is far behind"), "{problem:?}");
    let ready = shop.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["parts"]["load"], "history is far behind");
    assert_eq!(ready.json()["ready"], false);
    assert_eq!(shop.get("/healthz").await.status, 200);

    is_full.store(false, Ordering::Relaxed);
    assert_eq!(shop.get("/readyz").await.status, 200);
    shop.post_with_key("k", &order()).await.accepted();
    assert_eq!(shop.records("orders").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_are_away_make_it_unready_though_nobody_orders() {
    let shop = Shop::open().await;
    assert_eq!(shop.get("/readyz").await.status, 200);
    shop.broker.go_down().unwrap();
    let away = shop.until_readyz(503).await;
    let emitter = away.json()["parts"]["emitter"].to_string();
    assert!(emitter.contains("no Kafka broker"), "{emitter}");
    assert_eq!(shop.get("/healthz").await.status, 200);
    shop.broker.come_back().unwrap();
    shop.until_readyz(200).await;
    shop.post(&order()).await.accepted();
}

#[tokio::test]
async fn a_panic_is_answered_as_our_failure_without_its_words() {
    let shop = shop_with(|settings| {
        settings.admission = Some(Arc::new(|| panic!("secret words")));
    })
    .await;
    let answer = shop.post(&order()).await;
    answer.problem(500, "internal");
    assert!(!answer.body.contains("secret"), "{answer:?}");
    // The service goes on.
    assert_eq!(shop.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_request_too_many_is_refused_at_once_and_operators_still_get_through() {
    let shop = shop_with(|settings| settings.most_requests = 1).await;
    let slow = shop.http.get(format!("{}/orders/o-1", shop.url)).header("Prefer", "wait=5");
    let meanwhile = async {
        shop.history.asked_times(1).await;
        shop.post(&order()).await.problem(503, "overloaded");
        shop.get("/orders/o-2").await.problem(503, "overloaded");
        assert_eq!(shop.get("/readyz").await.status, 200);
        shop.history.tell("/orders/o-1", 200, &order_json("o-1"));
    };
    let (slow, ()) = tokio::join!(shop.send(slow), meanwhile);
    assert_eq!(slow.status, 200);
    shop.post(&order()).await.accepted();
}

#[tokio::test]
async fn connections_are_bounded_and_wait_for_their_turn() {
    let shop = shop_with(|settings| settings.most_connections = 1).await;
    let one = reqwest::Client::builder().no_proxy().build().unwrap();
    let healthz = format!("{}/healthz", shop.url);
    // Keeps its connection.
    assert_eq!(one.get(&healthz).send().await.unwrap().text().await.unwrap(), "ok\n");
    let other = tokio::spawn({
        let http = shop.http.clone();
        async move { http.get(healthz).send().await.unwrap().status() }
    });
    tokio::task::yield_now().await;
    assert!(!other.is_finished());
    drop(one);
    assert_eq!(other.await.unwrap(), 200);
}

#[tokio::test]
async fn with_nothing_to_do_it_ends_at_once() {
    let mut shop = Shop::open().await;
    shop.post_with_key("k", &order()).await.accepted();
    shop.shutdown.cancel();
    (&mut shop.served).await.unwrap().unwrap();
    let gone = shop.http.get(format!("{}/healthz", shop.url)).send();
    assert!(gone.await.is_err());
}

#[tokio::test]
async fn two_replicas_share_what_their_keys_stand_for() {
    let one = Shop::open().await;
    let database = one.database();
    let two = shop_with(move |settings| settings.database = database).await;
    let first = one.post_with_key("k", &order()).await;
    let mut second = None;
    eventually("the other replica answers", async || {
        second = Some(two.post_with_key("k", &order()).await);
        second.as_ref().is_some_and(|answer| answer.status == 202)
    })
    .await;
    let second = second.unwrap();
    assert!(second.is_replayed());
    assert_eq!(second.body, first.body);
    assert!(two.records("orders").await.is_empty());
}
