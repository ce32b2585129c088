//! Cancelled in time, too late, twice, too early.

use std::time::Duration;

use fulfilment::{Rules, StockRule};
use orderly_sdk::Health;

use crate::parts::{Parts, bank::unavailable, cancelled, paid, placed};

fn rules(stages: &str, cancel_within: Duration) -> Rules {
    Rules { stock: StockRule::Counted, cancel_within, ..Rules::new(stages.parse().unwrap()) }
}

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_its_preparation_an_order_is_cancelled_once_and_all_of_it_undone() {
    let parts = Parts::start(1).await;
    parts.count("margherita", 2).await;
    let service = parts.run_by(rules("prep=0ms", HOUR), &Health::of("fulfilment"));
    parts.emit(&paid("o-1")).await;
    parts.statuses.until("confirmed", 1).await;
    assert_eq!(parts.stock("margherita").await, (2, 2, 0));

    let asked = parts.emit(&cancelled("o-1")).await;
    parts.emit_as(&cancelled("o-1"), &asked).await;
    parts.emit(&cancelled("o-1")).await;
    parts.payment_becomes("o-1", "voided").await;
    parts.emit(&placed("o-2")).await;
    parts.statuses.until("confirmed", 2).await;
    service.stop().await;
    assert_eq!(parts.statuses.steps("o-1"), ["confirmed", "cancelled: changed my mind"]);
    assert_eq!(parts.statuses.of("o-1")[1].caused_by, asked.id.to_string());
    assert_eq!(parts.bank.asked(), ["o-1:authorise", "o-1:void"]);
    // The other order has them now.
    assert_eq!(parts.stock("margherita").await, (2, 2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_its_card_is_authorised_it_is_cancelled_at_once_and_voided_when_that_is_known() {
    let parts = Parts::start(1).await;
    parts.count("margherita", 2).await;
    parts.bank.hold("o-1:authorise");
    let service = parts.run_by(rules("prep=0ms", HOUR), &Health::of("fulfilment"));
    parts.emit(&paid("o-1")).await;
    parts.bank.was_asked("o-1:authorise").await;
    parts.emit(&cancelled("o-1")).await;
    parts.statuses.until("cancelled: changed my mind", 1).await;
    assert_eq!(parts.stock("margherita").await, (2, 0, 0));

    parts.bank.let_go("o-1:authorise");
    parts.payment_becomes("o-1", "voided").await;
    service.stop().await;
    assert_eq!(parts.statuses.steps("o-1").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_its_card_is_captured_it_is_cancelled_and_refunded_when_that_is_known() {
    let parts = Parts::start(1).await;
    parts.count("margherita", 2).await;
    parts.bank.hold("o-1:capture");
    let service = parts.run_by(rules("prep=0ms", Duration::ZERO), &Health::of("fulfilment"));
    parts.emit(&paid("o-1")).await;
    parts.bank.was_asked("o-1:capture").await;
    parts.emit(&cancelled("o-1")).await;
    parts.statuses.until("cancelled: changed my mind", 1).await;

    parts.bank.let_go("o-1:capture");
    parts.statuses.until("refunded 10.50", 1).await;
    service.stop().await;
    let steps = ["confirmed", "cancelled: changed my mind", "refunded 10.50"];
    assert_eq!(parts.statuses.steps("o-1"), steps);
    assert_eq!(parts.bank.asked(), ["o-1:authorise", "o-1:capture", "o-1:refund"]);
    assert_eq!(parts.stock("margherita").await, (2, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_provider_was_too_far_away_to_capture_is_voided_and_never_charged() {
    let parts = Parts::start(1).await;
    parts.count("margherita", 2).await;
    parts.bank.says("o-1:capture", std::iter::repeat_with(unavailable).take(1_000));
    let service = parts.run_by(rules("prep=0ms", Duration::ZERO), &Health::of("fulfilment"));
    parts.emit(&paid("o-1")).await;
    parts.bank.was_asked("o-1:capture").await;
    parts.emit(&cancelled("o-1")).await;

    parts.payment_becomes("o-1", "voided").await;
    parts.statuses.until("cancelled: changed my mind", 1).await;
    service.stop().await;
    let done = parts.bank.done();
    assert_eq!(done.keys().collect::<Vec<_>>(), ["o-1:authorise", "o-1:void"]);
    assert_eq!(parts.statuses.steps("o-1"), ["confirmed", "cancelled: changed my mind"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_it_is_prepared_a_cancellation_is_refused_with_the_reason_and_it_goes_on() {
    let parts = Parts::start(1).await;
    parts.count("margherita", 2).await;
    let service = parts.run_by(rules("prep=24h", Duration::ZERO), &Health::of("fulfilment"));
    parts.emit(&placed("o-1")).await;
    parts.statuses.until("prep started", 1).await;
    parts.emit(&cancelled("o-1")).await;

    parts.statuses.until("cancellation refused: it is being prepared", 1).await;
    service.stop().await;
    let steps = ["confirmed", "prep started", "cancellation refused: it is being prepared"];
    assert_eq!(parts.statuses.steps("o-1"), steps);
    assert_eq!(parts.stock("margherita").await, (2, 2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_comes_before_its_order_cancels_it_as_soon_as_that_comes() {
    let parts = Parts::start(1).await;
    parts.count("margherita", 2).await;
    let service = parts.run_by(rules("prep=0ms", Duration::ZERO), &Health::of("fulfilment"));
    let asked = parts.emit(&cancelled("o-1")).await;
    parts.emit(&paid("o-1")).await;

    parts.statuses.until("cancelled: changed my mind", 1).await;
    service.stop().await;
    assert_eq!(parts.statuses.steps("o-1").len(), 1);
    assert_eq!(parts.statuses.of("o-1")[0].caused_by, asked.id.to_string());
    assert_eq!((parts.bank.asked().len(), parts.stock("margherita").await), (0, (2, 0, 0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_that_races_the_first_stage_ends_in_one_of_the_two() {
    const ORDERS: usize = 40;
    let parts = Parts::start(2).await;
    parts.count("margherita", 1_000).await;
    let grace = Duration::from_millis(60);
    let service = parts.run_by(rules("prep=0ms", grace), &Health::of("fulfilment"));
    for i in 0..ORDERS {
        let id = format!("o-{i}");
        parts.emit(&placed(&id)).await;
        parts.emit(&placed(&format!("{id}-other"))).await;
        parts.emit(&cancelled(&id)).await;
    }
    parts.statuses.until("ready", ORDERS).await;
    let (mut cancelled, mut refused) = (0, 0);
    parts
        .statuses
        .until_told(|told| {
            let of = |what: &str| told.iter().filter(|it| it.step.starts_with(what)).count();
            (cancelled, refused) = (of("cancelled"), of("cancellation refused"));
            cancelled + refused == ORDERS && of("ready") == 2 * ORDERS - cancelled
        })
        .await;
    service.stop().await;
    for i in 0..ORDERS {
        let steps = parts.statuses.steps(&format!("o-{i}"));
        let is_cancelled = steps.iter().any(|step| step.starts_with("cancelled"));
        assert_eq!(is_cancelled, !steps.iter().any(|step| step == "ready"), "{steps:?}");
    }
    let held = 2 * (2 * ORDERS - cancelled) as i64;
    assert_eq!(parts.stock("margherita").await, (1_000, held, 0));
}
