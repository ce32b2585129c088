//! `GET /orders/{id}`: many readers, one question, and how old an answer may be.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, routing::get};
use order_api::{Redis, Settings};
use orderly_harness::{need, parts};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    harness::{Shop, Wishes, eventually},
    stub_history::order_json,
};

/// A history whose order changes all the time, and that takes its time to answer.
#[derive(Clone)]
struct Changing {
    begun: Instant,
    asked: Arc<AtomicU64>,
    takes: Duration,
}

impl Changing {
    async fn start(takes: Duration) -> (Self, String) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let it = Self { begun: Instant::now(), asked: Arc::default(), takes };
        let app = Router::new().fallback(get(answer)).with_state(it.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (it, url)
    }

    /// What the order says now: its age in milliseconds.
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap()
    }
}

async fn answer(State(history): State<Changing>) -> Json<serde_json::Value> {
    history.asked.fetch_add(1, Ordering::SeqCst);
    let mut order = order_json("o-1");
    order["stage"] = json!(history.now().to_string());
    // The row is read, and the answer is on its way for some time.
    tokio::time::sleep(history.takes).await;
    Json(order)
}

async fn shop_on(history: String, redis: Option<Redis>) -> Shop {
    let change = move |settings: &mut Settings| {
        settings.history = history;
        settings.redis = redis;
    };
    Shop::open_with(Wishes { change: Box::new(change), ..Wishes::default() }).await
}

async fn read(shop: &Shop) -> u64 {
    let answer = shop.get("/orders/o-1").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["stage"].as_str().unwrap().parse().unwrap()
}

/// Readers at some replicas, for a while: none sees the order as it was more than a second before they
/// asked. Answers how many reads there were.
async fn none_is_older_than_a_second(shops: &[&Shop], history: &Changing, lasts: Duration) -> u64 {
    let (until, mut reads) = (Instant::now() + lasts, 0);
    while Instant::now() < until {
        for shop in shops {
            let asked_at = history.now();
            let shown = read(shop).await;
            assert!(shown + 1_000 >= asked_at, "{shown} shown to who asked at {asked_at}");
            reads += 1;
        }
    }
    reads
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_readers_of_one_order_are_one_question() {
    let (history, url) = Changing::start(Duration::from_millis(200)).await;
    let shop = shop_on(url, None).await;
    let readers = (0..2_000).map(|_| read(&shop));
    let shown = futures::future::join_all(readers).await;
    // All that asked within the first answer's time share it; the others its follower.
    let asked = history.asked.load(Ordering::SeqCst);
    assert!((1..=20).contains(&asked), "{asked}");
    let mut versions = shown.clone();
    versions.sort_unstable();
    versions.dedup();
    assert!(versions.len() as u64 <= asked, "{versions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_never_older_than_a_second() {
    // Slow enough that an age counted from the answer would show.
    let (history, url) = Changing::start(Duration::from_millis(300)).await;
    let shop = shop_on(url, None).await;
    let reads = none_is_older_than_a_second(&[&shop], &history, Duration::from_secs(4)).await;
    let asked = history.asked.load(Ordering::SeqCst);
    assert!(asked * 5 < reads && asked >= 3, "{asked} questions for {reads} reads");
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_answers_in_redis_and_none_is_older_than_a_second() {
    let redis = need!(parts::redis().await);
    let open = || Redis::new(&redis.url, &redis.prefix).unwrap();
    let (history, url) = Changing::start(Duration::from_millis(150)).await;
    let (one, two) = (shop_on(url.clone(), Some(open())).await, shop_on(url, Some(open())).await);
    for shop in [&one, &two] {
        eventually("Redis is there", async || {
            shop.get("/readyz").await.json()["parts"]["cache"] == "ok"
        })
        .await;
    }
    none_is_older_than_a_second(&[&one, &two], &history, Duration::from_secs(4)).await;
    // An answer of its own would differ: it says when it was read. Who asks before it has come to Redis
    // gets one of its own, too, and keeps that for a while.
    eventually("an answer is shared", async || read(&one).await == read(&two).await).await;
}

#[tokio::test]
async fn each_caller_sees_what_is_theirs_and_what_is_not_known_is_asked_for_again() {
    let shop = Shop::open().await;
    shop.get("/orders/o-1").await.problem(404, "order-not-found");
    shop.history.tell("/orders/o-1", 200, &order_json("o-1"));
    assert_eq!(shop.get("/orders/o-1").await.status, 200);
    // Known by now, it isn't asked for again so soon.
    shop.history.tell("/orders/o-1", 503, &json!({}));
    assert_eq!(shop.get("/orders/o-1").await.status, 200);
    shop.get("/orders/o-2").await.problem(404, "order-not-found");
    assert_eq!(shop.history.asked(), ["/orders/o-1", "/orders/o-1", "/orders/o-2"]);
}

#[tokio::test]
async fn who_has_the_order_as_it_is_is_told_so() {
    let shop = Shop::open().await;
    shop.history.tell("/orders/o-1", 200, &order_json("o-1"));
    let first = shop.get("/orders/o-1").await;
    let tag = first.header("etag").unwrap();
    let ask =
        |tag: &str| shop.http.get(format!("{}/orders/o-1", shop.url)).header("If-None-Match", tag);
    let same = shop.send(ask(tag)).await;
    assert_eq!((same.status, same.body.as_str(), same.header("etag")), (304, "", Some(tag)));
    assert_eq!(shop.send(ask("\"another\"")).await.body, first.body);
    shop.send(ask("no tag")).await.problem(400, "invalid-request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_leaves_takes_the_answer_from_nobody() {
    let (history, url) = Changing::start(Duration::from_millis(300)).await;
    let shop = shop_on(url, None).await;
    let mut leaves = Box::pin(read(&shop));
    let is_asked = async || history.asked.load(Ordering::SeqCst) > 0;
    tokio::select! {
        _ = &mut leaves => panic!("it was answered before history was asked"),
        () = eventually("history is asked", is_asked) => {}
    }
    let (_, ()) = tokio::join!(read(&shop), async { drop(leaves) });
    assert_eq!(history.asked.load(Ordering::SeqCst), 1);
}
