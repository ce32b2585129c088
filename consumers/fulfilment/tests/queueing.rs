//! In line for a station, in the order of arrival.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use fulfilment::{Rules, StockRule};
use orderly_sdk::Health;

use crate::parts::{Parts, cancelled, collected, paid, placed, statuses::Status};

const ORDERS: usize = 40;
const KITCHEN: &str = "prep=5ms*2x2,oven=25ms*3";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_get_their_stations_in_the_order_of_arrival() {
    walked_by_two(Parts::start(3).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_two_that_give_places_away_give_each_once() {
    let test = "queueing::on_postgres_two_that_give_places_away_give_each_once";
    let Some(parts) = Parts::start_on_postgres(test, 3).await else { return };
    walked_by_two(parts).await;
}

async fn walked_by_two(parts: Parts) {
    let services = [0, 1].map(|_| parts.run(KITCHEN));
    for i in 0..ORDERS {
        parts.emit(&placed(&format!("o-{i}"))).await;
    }
    parts.statuses.until("ready", ORDERS).await;
    for service in services {
        service.stop().await;
    }
    for i in 0..ORDERS {
        assert_eq!(walked(&parts.statuses.steps(&format!("o-{i}"))), STEPS, "o-{i}");
    }
    let told = parts.statuses.all();
    at_most(&told, "prep", 4);
    at_most(&told, "oven", 3);
    assert!(told.iter().any(|status| status.step.starts_with("oven queued")), "nobody waited");
    assert_eq!(parts.taken_places().await, 0);
}

const STEPS: [&str; 6] =
    ["confirmed", "prep started", "prep completed", "oven started", "oven completed", "ready"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_nobody_loses_a_place_or_a_turn() {
    let parts = Parts::start(3).await;
    for i in 0..ORDERS {
        parts.emit(&placed(&format!("o-{i}"))).await;
    }
    // While many are in line; wherever that is.
    for (step, orders) in [("prep started", 4), ("oven started", 3), ("oven completed", 10)] {
        let service = parts.run(KITCHEN);
        parts.statuses.until(step, orders).await;
        service.kill().await;
    }
    let service = parts.run(KITCHEN);
    parts.statuses.until("ready", ORDERS).await;
    service.stop().await;
    for i in 0..ORDERS {
        assert_eq!(walked(&parts.statuses.steps(&format!("o-{i}"))), STEPS, "o-{i}");
    }
    let told = parts.statuses.all();
    at_most(&told, "prep", 4);
    at_most(&told, "oven", 3);
    assert_eq!(parts.taken_places().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_missed_is_told_as_if_the_oven_had_never_stood_still() {
    let parts = Parts::start(1).await;
    let service = parts.run("oven=24h*2");
    for i in 0..6 {
        parts.emit(&placed(&format!("o-{i}"))).await;
    }
    parts.statuses.until_told(|told| steps_like(told, "oven queued") == 4).await;
    service.stop().await;
    // As after an outage of nine days.
    let long_ago = Utc::now().trunc_subsecs(3) - TimeDelta::days(9);
    let over = "UPDATE fulfilment_orders SET ends_at = $1 WHERE ends_at IS NOT NULL";
    parts.execute(over, &[long_ago.into()]).await;
    let came = "UPDATE fulfilment_orders SET since = $1 WHERE line IS NOT NULL";
    parts.execute(came, &[(long_ago - TimeDelta::hours(1)).into()]).await;
    let service = parts.run("oven=24h*2");

    parts.statuses.until("ready", 6).await;
    service.stop().await;
    let told = parts.statuses.all();
    let started = |status: &&Status| status.step == "oven started" && status.sequence == 3;
    let mut days: Vec<i64> =
        told.iter().filter(started).map(|it| (it.meta.time - long_ago).num_days()).collect();
    days.sort_unstable();
    assert_eq!(days, [0, 0, 1, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_line_for_its_first_stage_an_order_is_cancelled_and_its_card_refunded() {
    let parts = Parts::start(1).await;
    parts.count("margherita", 4).await;
    let rules = Rules {
        stock: StockRule::Counted,
        cancel_within: Duration::ZERO,
        ..Rules::new("prep=24h*1".parse().unwrap())
    };
    let service = parts.run_by(rules, &Health::of("fulfilment"));
    parts.emit(&placed("o-1")).await;
    parts.statuses.until("prep started", 1).await;
    parts.emit(&paid("o-2")).await;
    parts.statuses.until("prep queued behind 0", 1).await;
    assert_eq!(parts.payment("o-2").await.0, "captured");

    parts.emit(&cancelled("o-2")).await;
    parts.emit(&cancelled("o-1")).await;
    parts.statuses.until("refunded 10.50", 1).await;
    parts.statuses.until("cancellation refused: it is being prepared", 1).await;
    service.stop().await;
    let steps =
        ["confirmed", "prep queued behind 0", "cancelled: changed my mind", "refunded 10.50"];
    assert_eq!(parts.statuses.steps("o-2"), steps);
    assert_eq!(parts.stock("margherita").await, (4, 2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_of_the_past_takes_no_place_and_waits_for_nobody() {
    let parts = Parts::start(1).await;
    let service = parts.run("prep=24h*1,oven=24h*1");
    parts.emit(&placed("now")).await;
    parts.statuses.until("prep started", 1).await;
    let mut meta = parts.meta();
    (meta.historic, meta.time) = (true, "2010-12-01T08:26:00Z".parse().unwrap());
    parts.emit_as(&placed("past"), &meta).await;
    parts.statuses.until("ready", 1).await;
    let mut later = parts.meta();
    (later.historic, later.time) = (true, meta.time + TimeDelta::days(3));
    parts.emit_as(&collected("past"), &later).await;

    parts.statuses.until("completed", 1).await;
    service.stop().await;
    assert_eq!(parts.statuses.steps("past"), [&STEPS[..], &["completed"]].concat());
    assert_eq!(parts.taken_places().await, 1);
}

/// Without what tells of waiting.
fn walked(steps: &[String]) -> Vec<&str> {
    steps.iter().map(String::as_str).filter(|step| !step.contains(" queued behind ")).collect()
}

fn steps_like(told: &[Status], begin: &str) -> usize {
    told.iter().filter(|status| status.step.starts_with(begin)).count()
}

/// By what was told: never more orders in a stage than it has places, and who came first went first.
fn at_most(told: &[Status], stage: &str, places: usize) {
    let mut stays: HashMap<&str, Stay> = HashMap::new();
    for Status { order_id, step, meta, .. } in told {
        let stay = stays.entry(order_id).or_default();
        if step.starts_with(&format!("{stage} queued")) {
            stay.came = Some(meta.time);
        } else if *step == format!("{stage} started") {
            (stay.came, stay.from) = (stay.came.or(Some(meta.time)), Some(meta.time));
        } else if *step == format!("{stage} completed") {
            stay.to = Some(meta.time);
        }
    }
    let mut stays: Vec<&Stay> = stays.values().collect();
    stays.sort_by_key(|stay| stay.from);
    for (i, stay) in stays.iter().enumerate() {
        let beside = |other: &&&Stay| other.from <= stay.from && other.to > stay.from;
        let at_once = stays.iter().filter(beside).count();
        assert!(at_once <= places, "{at_once} at once in {stage}: {stays:#?}");
        let overtook = stays[i + 1..].iter().find(|it| it.from > stay.from && it.came < stay.came);
        assert!(overtook.is_none(), "overtook in {stage}: {stay:?}, {overtook:?}");
    }
}

/// When an order came to a stage, began there and left it.
#[derive(Debug, Default)]
struct Stay {
    came: Option<DateTime<Utc>>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}
