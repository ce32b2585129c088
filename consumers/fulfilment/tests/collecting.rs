//! The customer collects.

use chrono::TimeDelta;

use crate::parts::{Parts, collected, placed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_was_collected_twice_is_completed_once() {
    let parts = Parts::start(1).await;
    let service = parts.run("prep=0ms");
    let placed_as = parts.emit(&placed("o-1")).await;
    parts.statuses.until("ready", 1).await;

    let collected_as = parts.emit(&collected("o-1")).await;
    parts.emit_as(&collected("o-1"), &collected_as).await;
    parts.emit(&collected("o-1")).await;
    // Behind them in the partition.
    parts.emit(&placed("o-2")).await;

    parts.statuses.until("ready", 2).await;
    service.stop().await;
    let steps = ["confirmed", "prep started", "prep completed", "ready", "completed"];
    assert_eq!(parts.statuses.steps("o-1"), steps);
    let told = parts.statuses.of("o-1");
    assert_eq!(told[3].caused_by, placed_as.id.to_string());
    assert_eq!(told[4].caused_by, collected_as.id.to_string());
    let trace = told[4].meta.traceparent.as_deref().unwrap();
    assert_eq!(trace[..35], collected_as.traceparent.unwrap()[..35]);
    // Two orders, and two events that say it was collected.
    assert_eq!(parts.inbox().await, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_ready_or_not_known_cannot_be_collected() {
    let parts = Parts::start(1).await;
    let service = parts.run("prep=24h");
    let mut rejected = placed("rejected");
    rejected.lines.clear();
    parts.emit(&rejected).await;
    parts.emit(&placed("in-stage")).await;
    let mut collected_as = Vec::new();
    for id in ["in-stage", "never-placed", "rejected"] {
        collected_as.push(parts.emit(&collected(id)).await.id.to_string());
        // Orders are done side by side; here one after the other.
        parts.dead_letters(collected_as.len()).await;
    }

    let letters = parts.dead_letters(3).await;
    parts.emit(&placed("last")).await;
    parts.statuses.until("prep started", 2).await;
    service.stop().await;
    let found: Vec<_> = letters.iter().map(|l| l.header_str("ce_id").unwrap()).collect();
    assert_eq!(found, collected_as);
    let why: Vec<_> = letters.iter().map(|l| l.header_str("dead-letter.error").unwrap()).collect();
    assert_eq!(
        why,
        ["collected, but not ready", "collected, but never placed", "collected, but not ready"]
    );
    assert_eq!(parts.statuses.steps("in-stage"), ["confirmed", "prep started"]);
    assert_eq!(parts.statuses.steps("never-placed"), [""; 0]);
    assert_eq!(parts.statuses.steps("rejected").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_of_the_past_was_completed_when_it_was_collected() {
    let parts = Parts::start(1).await;
    let service = parts.run("prep=10m");
    let mut then = parts.meta().at("2010-12-01T08:26:00Z".parse().unwrap());
    then.historic = true;
    parts.emit_as(&placed("536365"), &then).await;
    parts.statuses.until("ready", 1).await;
    let mut later = parts.meta().at(then.time + TimeDelta::minutes(25));
    later.historic = true;
    parts.emit_as(&collected("536365"), &later).await;

    parts.statuses.until("completed", 1).await;
    service.stop().await;
    let told = parts.statuses.of("536365");
    assert_eq!(parts.statuses.steps("536365").len(), 5);
    assert_eq!(told[4].meta.time, later.time);
    assert!(told[4].meta.historic);
}
