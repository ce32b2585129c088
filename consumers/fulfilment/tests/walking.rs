//! From confirmation through the stages to ready.

use std::collections::HashSet;

use chrono::{TimeDelta, Utc};

use crate::parts::{Parts, collected, placed};

const STEPS: [&str; 8] = [
    "confirmed",
    "prep started",
    "prep completed",
    "bake started",
    "bake completed",
    "oven started",
    "oven completed",
    "ready",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_is_walked_through_every_stage_to_ready() {
    let parts = Parts::start(3).await;
    let service = parts.run(WALK);
    for i in 0..40 {
        parts.emit(&placed(&format!("o-{i}"))).await;
    }

    parts.statuses.until("ready", 40).await;
    service.stop().await;
    for i in 0..40 {
        let id = format!("o-{i}");
        assert_eq!(parts.statuses.steps(&id), STEPS, "{id}");
        let told = parts.statuses.of(&id);
        for (start, end) in [(1, 2), (3, 4), (5, 6)] {
            assert_eq!(told[start].promised, Some(told[end].meta.time), "{id}");
        }
        assert_eq!(told[0].promised, Some(told[7].meta.time), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_services_on_one_postgres_walk_each_order_once() {
    let test = "walking::two_services_on_one_postgres_walk_each_order_once";
    let Some(parts) = Parts::start_on_postgres(test, 4).await else { return };
    let services = [parts.run(WALK), parts.run(WALK)];
    for i in 0..60 {
        parts.emit(&placed(&format!("o-{i}"))).await;
    }

    parts.statuses.until("ready", 60).await;
    for i in 0..60 {
        parts.emit(&collected(&format!("o-{i}"))).await;
    }
    parts.statuses.until("completed", 60).await;
    for service in services {
        service.stop().await;
    }
    for i in 0..60 {
        let id = format!("o-{i}");
        let told = parts.statuses.of(&id);
        let steps: Vec<_> = told.iter().map(|status| &*status.step).collect();
        assert_eq!(steps, [&STEPS[..], &["completed"]].concat(), "{id}");
        let sequences: Vec<_> = told.iter().map(|status| status.sequence).collect();
        assert_eq!(sequences, (1..=9).collect::<Vec<_>>(), "{id}");
    }
}

const WALK: &str = "prep=20ms,bake=0ms,oven=60ms";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_carry_the_cause_and_the_trace_of_the_order() {
    let parts = Parts::start(1).await;
    let service = parts.run("prep=0ms,bake=10ms");
    let order = parts.emit(&placed("o-1")).await;

    parts.statuses.until("ready", 1).await;
    service.stop().await;
    let told = parts.statuses.of("o-1");
    let mut spans = HashSet::from([span(order.traceparent.as_deref().unwrap())]);
    for status in &told {
        assert_eq!(status.caused_by, order.id.to_string(), "{status:?}");
        assert_eq!(&*status.meta.source, "fulfilment");
        assert!(!status.meta.historic);
        let trace = status.meta.traceparent.as_deref().unwrap();
        assert_eq!(trace[..35], order.traceparent.as_deref().unwrap()[..35], "{status:?}");
        assert!(spans.insert(span(trace)), "a span of its own: {status:?}");
        assert!(status.meta.time >= order.time, "{status:?}");
    }
    assert_eq!(told.len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_whose_stage_ended_long_ago_are_all_walked_on_as_if_in_time() {
    // More than are walked in one transaction.
    const ORDERS: usize = 450;
    let parts = Parts::start(3).await;
    let service = parts.run("prep=24h,bake=10m,oven=5m");
    let mut sent = Vec::new();
    for i in 0..ORDERS {
        let order = placed(&format!("o-{i}"));
        sent.push(parts.emitter.send(&order, &parts.meta()).await.unwrap());
    }
    for pending in sent {
        pending.await.unwrap();
    }
    parts.statuses.until("prep started", ORDERS).await;
    let long_ago = Utc::now() - TimeDelta::days(3);
    // As after an outage of three days.
    parts.execute("UPDATE fulfilment_orders SET ends_at = $1", &[long_ago.into()]).await;

    parts.statuses.until("ready", ORDERS).await;
    service.stop().await;
    assert_eq!(parts.statuses.all().len(), ORDERS * STEPS.len());
    for i in 0..ORDERS {
        let told = parts.statuses.of(&format!("o-{i}"));
        assert_eq!(told.iter().map(|status| &status.step).collect::<Vec<_>>(), STEPS);
        assert_eq!(told[2].meta.time.timestamp_millis(), long_ago.timestamp_millis());
        assert_eq!(told[7].meta.time - told[2].meta.time, TimeDelta::minutes(15));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_walk_at_once_tell_each_status_once() {
    let parts = Parts::start(3).await;
    let services = [0, 1].map(|_| parts.run("prep=10ms,bake=10ms,oven=10ms"));
    for i in 0..60 {
        parts.emit(&placed(&format!("o-{i}"))).await;
    }

    parts.statuses.until("ready", 60).await;
    for service in services {
        service.stop().await;
    }
    for i in 0..60 {
        assert_eq!(parts.statuses.steps(&format!("o-{i}")), STEPS);
    }
}

fn span(traceparent: &str) -> String {
    traceparent[36..52].to_owned()
}
