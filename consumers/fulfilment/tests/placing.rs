//! An order is taken on, or not.

use chrono::{DateTime, TimeDelta, Utc};
use orderly_sdk::{EventId, Meta};

use crate::parts::{Parts, line, placed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_placed_again_is_taken_on_once() {
    let parts = Parts::start(1).await;
    let service = parts.run("prep=0ms");
    let meta = parts.emit(&placed("o-1")).await;
    parts.emit_as(&placed("o-1"), &meta).await;
    parts.emit(&placed("o-1")).await;
    parts.statuses.until("ready", 1).await;
    // Once more, when it is over; and one behind them all in the partition.
    parts.emit_as(&placed("o-1"), &meta).await;
    let again = parts.emit(&placed("o-1")).await;
    parts.emit(&placed("o-2")).await;

    parts.statuses.until("ready", 2).await;
    service.stop().await;
    let steps = ["confirmed", "prep started", "prep completed", "ready"];
    assert_eq!(parts.statuses.steps("o-1"), steps);
    assert_eq!(parts.statuses.steps("o-2"), steps);
    let told = parts.statuses.all();
    assert!(told.iter().all(|status| status.caused_by != again.id.to_string()));
    // Three events placed the first one, one the second.
    assert_eq!(parts.inbox().await, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_made_is_rejected_with_the_reason() {
    let parts = Parts::start(1).await;
    let service = parts.run("prep=0ms");
    let (mut empty, mut nothing, mut negative) =
        (placed("empty"), placed("nothing"), placed("negative"));
    empty.lines.clear();
    nothing.lines.push(line(0));
    negative.lines.push(line(-1));
    let cause = parts.emit(&empty).await;
    parts.emit(&nothing).await;
    parts.emit(&negative).await;
    parts.emit(&placed("good")).await;

    parts.statuses.until("ready", 1).await;
    service.stop().await;
    assert_eq!(parts.statuses.steps("empty"), ["rejected: it has no lines"]);
    for id in ["nothing", "negative"] {
        assert_eq!(parts.statuses.steps(id), ["rejected: a line has no positive quantity"]);
    }
    assert_eq!(parts.statuses.of("empty")[0].caused_by, cause.id.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_whose_id_is_none_goes_to_the_dead_letters() {
    let parts = Parts::start(1).await;
    let service = parts.run("prep=0ms");
    // Each of its statuses would be larger than a record may be.
    for id in [String::new(), "o".repeat(65), "o 1".into(), "ö".into(), "o".repeat(450_000)] {
        parts.emit(&placed(&id)).await;
    }
    parts.emit(&placed(&"o".repeat(64))).await;

    let letters = parts.dead_letters(5).await;
    parts.statuses.until("ready", 1).await;
    service.stop().await;
    for letter in letters {
        assert!(letter.header_str("dead-letter.error").unwrap().contains("order id"));
    }
    assert_eq!(parts.statuses.all().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_of_the_past_takes_no_time_and_keeps_its_own() {
    let parts = Parts::start(1).await;
    let service = parts.run("prep=1h,bake=12h");
    let then: DateTime<Utc> = "2010-12-01T08:26:00Z".parse().unwrap();
    let mut meta = parts.meta().at(then);
    meta.historic = true;
    parts.emit_as(&placed("536365"), &meta).await;
    let mut wrong = placed("536366");
    wrong.lines.clear();
    parts.emit_as(&wrong, &Meta { id: EventId::new(), ..meta }).await;

    parts.statuses.until("ready", 1).await;
    parts.statuses.until("rejected: it has no lines", 1).await;
    service.stop().await;
    let steps = ["confirmed", "prep started", "prep completed", "bake started", "bake completed"];
    assert_eq!(parts.statuses.steps("536365"), [&steps[..], &["ready"]].concat());
    let told = parts.statuses.of("536365");
    let after: Vec<i64> = told.iter().map(|s| (s.meta.time - then).num_hours()).collect();
    assert_eq!(after, [0, 0, 1, 1, 13, 13]);
    assert_eq!(told[0].promised, Some(then + TimeDelta::hours(13)));
    assert_eq!(parts.statuses.of("536366")[0].meta.time, then);
    assert!(parts.statuses.all().iter().all(|status| status.meta.historic));
}
