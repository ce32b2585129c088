//! Reads of an order through a Redis that is killed, stopped and brought back.

use std::time::{Duration, Instant};

use fulfilment::{Rules, StockRule};
use order_api::Redis as Cache;
use orderly::platform::{Platform, Settings};
use orderly_harness::{Redis, need};
use orderly_tests::{eventually, settings};
use serde_json::{Value, json};

/// What is promised of an answer's age.
const OLDEST: Duration = Duration::from_secs(1);
/// What a read may take while Redis is in any state: it waits for that 50 ms, and this machine is busy.
const LONGEST_READ: Duration = Duration::from_secs(2);

/// How many events an order's row had, as history itself said at that time.
struct Seen {
    at: Instant,
    events: usize,
}

struct Watched {
    http: reqwest::Client,
    api: String,
    history: String,
    order: String,
    seen: Vec<Seen>,
    reads: usize,
}

impl Watched {
    async fn events(&self, base: &str) -> usize {
        let url = format!("{base}/orders/{}", self.order);
        let answer = self.http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let order: Value = answer.json().await.unwrap();
        order["timeline"].as_array().unwrap().len()
    }

    /// Reads the order for a while: no answer may lack what history had a second before it was asked
    /// for, and none may take long.
    async fn is_never_stale(&mut self, lasts: Duration) {
        let until = Instant::now() + lasts;
        while Instant::now() < until {
            let events = self.events(&self.history).await;
            self.seen.push(Seen { at: Instant::now(), events });
            let asked_at = Instant::now();
            let shown = self.events(&self.api).await;
            assert!(asked_at.elapsed() < LONGEST_READ, "{:?}", asked_at.elapsed());
            let old = self.seen.iter().rev().find(|seen| seen.at + OLDEST <= asked_at);
            let had = old.map_or(0, |old| old.events);
            assert!(shown >= had, "{shown} events shown, a second before there were {had}");
            self.reads += 1;
        }
    }

    /// Waits until readiness says that of the cache, which is in nobody's way.
    async fn until_cache_is(&self, wanted: fn(&str) -> bool) {
        eventually("readiness says how the cache is", || async {
            let answer = self.http.get(format!("{}/readyz", self.api)).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            let ready: Value = answer.json().await.unwrap();
            wanted(ready["parts"]["cache"].as_str().unwrap()).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_stay_fresh_and_quick_while_redis_is_killed_and_stopped() {
    let redis = need!(Redis::start().await);
    // Its row changes all the time.
    let stages: Vec<_> = (0..60).map(|number| format!("stage-{number}=300ms")).collect();
    let mut rules = Rules::new(stages.join(",").parse().unwrap());
    rules.stock = StockRule::Unlimited;
    let platform = Platform::start(Settings {
        rules,
        redis: Some(Cache::new(redis.url(), "t.").unwrap()),
        ..settings()
    });
    let platform = platform.await.unwrap();
    let http = reqwest::Client::new();
    let api = format!("http://{}", platform.api);
    let order = json!({ "currency": "EUR",
        "lines": [{ "sku": "margherita", "quantity": 1, "unit_price": "8.50" }] });
    let placed = http.post(format!("{api}/orders")).json(&order).send().await.unwrap();
    let placed: Value = placed.json().await.unwrap();
    let history = format!("http://{}", platform.history_address);
    let order = placed["order_id"].as_str().unwrap().to_owned();
    let mut watched = Watched { http, api, history, order, seen: Vec::new(), reads: 0 };
    eventually("the order is known", || async {
        let url = format!("{}/orders/{}", watched.history, watched.order);
        (watched.http.get(url).send().await.unwrap().status() == 200).then_some(())
    })
    .await;

    watched.until_cache_is(|cache| cache == "ok").await;
    watched.is_never_stale(Duration::from_secs(2)).await;

    // What it has on disk comes back with it.
    redis.kill().await.unwrap();
    redis.start_again().await.unwrap();
    watched.is_never_stale(Duration::from_secs(2)).await;
    watched.until_cache_is(|cache| cache == "ok").await;

    redis.kill().await.unwrap();
    watched.is_never_stale(Duration::from_secs(2)).await;
    watched.until_cache_is(|cache| cache != "ok").await;
    redis.start_again().await.unwrap();
    watched.until_cache_is(|cache| cache == "ok").await;

    // What was sent to it while it was stopped, it takes when it goes on.
    for _ in 0..3 {
        redis.pause().await.unwrap();
        watched.is_never_stale(Duration::from_millis(1_500)).await;
        redis.resume().await.unwrap();
        watched.is_never_stale(Duration::from_millis(500)).await;
    }
    watched.until_cache_is(|cache| cache == "ok").await;
    watched.is_never_stale(Duration::from_secs(1)).await;

    let last = watched.events(&watched.history).await;
    let first = watched.seen.first().unwrap().events;
    assert!(last > first + 20 && watched.reads > 100, "{first} to {last}, {} reads", watched.reads);
    platform.stop().await.unwrap();
}
