//! Killed and stopped, with others that go on.

use chrono::Utc;

use crate::parts::{Parts, collected, placed};

const STEPS: [&str; 9] = [
    "confirmed",
    "prep started",
    "prep completed",
    "bake started",
    "bake completed",
    "oven started",
    "oven completed",
    "ready",
    "completed",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_the_next_goes_on_with_nothing_twice_and_nothing_missing() {
    const ORDERS: usize = 60;
    let parts = Parts::start(3).await;
    for i in 0..ORDERS {
        parts.emit(&placed(&format!("o-{i}"))).await;
    }

    // Wherever that is: while orders are taken on, in the first stage, in the last.
    for (step, orders) in [("confirmed", 5), ("prep started", 50), ("oven started", 10)] {
        let service = parts.run("prep=40ms,bake=30ms,oven=50ms");
        parts.statuses.until(step, orders).await;
        service.kill().await;
    }
    let service = parts.run("prep=40ms,bake=30ms,oven=50ms");
    parts.statuses.until("ready", ORDERS).await;
    for i in 0..ORDERS {
        parts.emit(&collected(&format!("o-{i}"))).await;
    }
    parts.statuses.until("completed", ORDERS / 3).await;
    service.kill().await;
    let service = parts.run("prep=40ms,bake=30ms,oven=50ms");

    parts.statuses.until("completed", ORDERS).await;
    service.stop().await;
    for i in 0..ORDERS {
        assert_eq!(parts.statuses.steps(&format!("o-{i}")), STEPS, "o-{i}");
    }
    assert_eq!(parts.inbox().await, 2 * ORDERS as i64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_keeps_the_stages_that_it_was_confirmed_with() {
    let parts = Parts::start(1).await;
    let service = parts.run("prep=0ms,bake=24h,oven=0ms");
    parts.emit(&placed("before")).await;
    parts.statuses.until("bake started", 1).await;
    service.stop().await;

    // Fewer, and none of them known before.
    let service = parts.run("grill=0ms");
    parts.emit(&placed("after")).await;
    parts.statuses.until("ready", 1).await;
    let over = "UPDATE fulfilment_orders SET ends_at = $1 WHERE order_id = 'before'";
    parts.execute(over, &[Utc::now().into()]).await;

    parts.statuses.until("ready", 2).await;
    service.stop().await;
    assert_eq!(parts.statuses.steps("before"), STEPS[..8]);
    let grilled = ["confirmed", "grill started", "grill completed", "ready"];
    assert_eq!(parts.statuses.steps("after"), grilled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_its_topic_says_so() {
    let parts = Parts::start(1).await;
    let broker =
        orderly_sdk::kafka::EmbeddedBroker::start([("order-status", 1), ("stock", 1)]).unwrap();
    let settings = fulfilment::Settings {
        config: orderly_sdk::Config {
            bootstrap: broker.bootstrap().to_owned(),
            ..parts.config.clone()
        },
        database: parts.database.clone(),
        members: 2,
        rules: fulfilment::Rules::new("prep=1s".parse().unwrap()),
        provider: std::sync::Arc::new(crate::parts::bank::Bank::new()),
        health: orderly_sdk::Health::of("fulfilment"),
    };

    let error = fulfilment::run(settings, Default::default()).await.unwrap_err();

    assert!(error.to_string().contains("`orders`"), "{error}");
}
