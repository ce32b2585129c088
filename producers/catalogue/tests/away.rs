//! A database or a registry that is away.

use orderly_testkit::EmbeddedRegistry;
use serde_json::json;

use crate::parts::{Shop, margherita, until, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_locked_is_told_of_and_nothing_is_changed() {
    let shop = Shop::open().await;
    shop.put("/products/a", &margherita()).await;
    let lock = shop.database().begin().await.unwrap();
    let (changed, counted, removed) =
        (with(&json!({ "price": "9" })), json!({ "on_hand": 1 }), "/products/a");
    let answers = tokio::join!(
        shop.put("/products/a", &changed),
        shop.put("/stock/a", &counted),
        shop.delete(removed),
    );
    for answer in [answers.0, answers.1, answers.2] {
        let problem = answer.problem(503, "database-away");
        assert!(problem.detail.contains("Nothing was changed"), "{problem:?}");
    }
    // Reads go on.
    assert_eq!(shop.get("/products/a").await.json(200)["price"], "8.50");

    drop(lock);
    assert_eq!(shop.put("/products/a", &with(&json!({ "price": "9" }))).await.status, 200);
    assert_eq!(shop.told().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_its_parts_are_there_it_answers_503_and_then_starts() {
    let mut registry = EmbeddedRegistry::start([]).await.unwrap();
    registry.go_down().await;
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("catalogue.db").display());
    let config = orderly_sdk::Config::new("127.0.0.1:1", registry.url());
    let settings = catalogue::Settings::new(config, orderly_stores::Database::open(&url).unwrap());
    let health = settings.health.clone();
    let running = crate::parts::start(settings).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async || {
        let request = http.get(format!("{}/products", running.url));
        crate::parts::Answer::of(request).await
    };
    ask().await.problem(503, "starting");
    until("the registry is away", async || health.absence("registry").is_some()).await;
    assert!(!health.snapshot().has_started);

    registry.come_back().await.unwrap();
    until("it has started", async || ask().await.status == 200).await;
    until("it says so", async || health.snapshot().has_started).await;
    running.stop().await;
}
