//! What is paid by card.

use std::time::Duration;

use fulfilment::{Rules, StockRule};
use fulfilment_payment::PaymentError;
use orderly_sdk::Health;

use crate::parts::{
    Parts,
    bank::{declined, unknown},
    collected, paid, placed, returned,
    statuses::Status,
};

fn rules(stages: &str) -> Rules {
    Rules { stock: StockRule::Counted, ..Rules::new(stages.parse().unwrap()) }
}

const STEPS: [&str; 4] = ["confirmed", "prep started", "prep completed", "ready"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_is_authorised_before_the_order_is_confirmed_and_captured_before_it_is_prepared() {
    let parts = Parts::start(1).await;
    parts.count("margherita", 10).await;
    parts.bank.hold("o-1:authorise");
    parts.bank.hold("o-1:capture");
    let service = parts.run_by(rules("prep=0ms"), &Health::of("fulfilment"));
    parts.emit(&paid("o-1")).await;
    parts.bank.was_asked("o-1:authorise").await;
    // What needs no card is taken on meanwhile.
    parts.emit(&placed("o-2")).await;
    parts.statuses.until("ready", 1).await;
    assert_eq!(parts.statuses.steps("o-1"), [""; 0]);

    parts.bank.let_go("o-1:authorise");
    parts.bank.was_asked("o-1:capture").await;
    parts.statuses.until("confirmed", 2).await;
    assert_eq!(parts.statuses.steps("o-1"), ["confirmed"]);
    parts.bank.let_go("o-1:capture");
    parts.statuses.until("ready", 2).await;
    service.stop().await;
    assert_eq!(parts.statuses.steps("o-1"), STEPS);
    assert_eq!(parts.bank.asked(), ["o-1:authorise", "o-1:capture"]);
    assert_eq!(parts.payment("o-1").await, ("captured".into(), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_card_rejects_the_order_and_frees_what_it_held() {
    let parts = Parts::start(1).await;
    parts.count("margherita", 2).await;
    parts.bank.says("o-1:authorise", [declined("insufficient funds")]);
    let service = parts.run_by(rules("prep=0ms"), &Health::of("fulfilment"));
    parts.emit(&paid("o-1")).await;
    let why = "rejected: the payment was declined: insufficient funds";
    parts.statuses.until(why, 1).await;
    // Both of the two pieces are there again.
    parts.emit(&placed("o-2")).await;

    parts.statuses.until("ready", 1).await;
    service.stop().await;
    assert_eq!(parts.statuses.steps("o-1"), [why]);
    assert_eq!(parts.stock("margherita").await, (2, 2, 0));
    assert_eq!(parts.payment("o-1").await, ("declined".into(), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_out_is_asked_again_under_the_same_key_until_it_is_known() {
    let parts = Parts::start(1).await;
    parts.count("margherita", 10).await;
    let away = PaymentError::Unavailable("connection refused".into());
    parts.bank.says("o-1:authorise", [unknown(), away, unknown()]);
    parts.bank.says("o-1:capture", [unknown()]);
    let service = parts.run_by(rules("prep=0ms"), &Health::of("fulfilment"));
    parts.emit(&paid("o-1")).await;

    parts.statuses.until("ready", 1).await;
    service.stop().await;
    let asked = ["o-1:authorise"; 4].into_iter().chain(["o-1:capture"; 2]);
    assert_eq!(parts.bank.asked(), asked.collect::<Vec<_>>());
    assert_eq!(parts.statuses.steps("o-1"), STEPS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_whose_payment_takes_too_long_is_rejected_and_what_was_authorised_is_voided() {
    let parts = Parts::start(1).await;
    parts.count("margherita", 2).await;
    parts.bank.says("o-1:authorise", [unknown(), unknown()]);
    let rules = Rules { payment_patience: Duration::ZERO, ..rules("prep=0ms") };
    let service = parts.run_by(rules, &Health::of("fulfilment"));
    parts.emit(&paid("o-1")).await;

    parts.statuses.until("rejected: the payment took too long", 1).await;
    parts.bank.was_asked("o-1:void").await;
    parts.payment_becomes("o-1", "voided").await;
    service.stop().await;
    assert_eq!(parts.statuses.steps("o-1").len(), 1);
    assert_eq!(parts.stock("margherita").await, (2, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_surely_not_authorised_is_not_asked_for_once_its_order_is_rejected() {
    let parts = Parts::start(1).await;
    parts.count("margherita", 4).await;
    let away = || PaymentError::Unavailable("it can't be reached".into());
    parts.bank.says("o-1:authorise", [away()]);
    // Of this one an answer was lost before.
    parts.bank.says("o-2:authorise", [unknown(), away()]);
    let rules = Rules { payment_patience: Duration::ZERO, ..rules("prep=0ms") };
    let service = parts.run_by(rules, &Health::of("fulfilment"));
    for id in ["o-1", "o-2"] {
        parts.emit(&paid(id)).await;
    }

    parts.statuses.until("rejected: the payment took too long", 2).await;
    parts.payment_becomes("o-1", "declined").await;
    parts.payment_becomes("o-2", "voided").await;
    service.stop().await;
    let of_the_first = parts.bank.asked().iter().filter(|key| key.starts_with("o-1:")).count();
    assert_eq!(of_the_first, 1);
    assert_eq!(parts.stock("margherita").await, (4, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_that_fails_for_good_undoes_the_order() {
    let parts = Parts::start(1).await;
    parts.count("margherita", 2).await;
    parts.bank.says("o-1:capture", [unknown(), declined("the authorisation is over")]);
    let service = parts.run_by(rules("prep=0ms"), &Health::of("fulfilment"));
    parts.emit(&paid("o-1")).await;

    parts.statuses.until("cancelled: the payment couldn't be taken", 1).await;
    parts.payment_becomes("o-1", "voided").await;
    service.stop().await;
    assert_eq!(parts.statuses.steps("o-1").len(), 2);
    assert_eq!(parts.stock("margherita").await, (2, 0, 0));
    let asked = ["o-1:authorise", "o-1:capture", "o-1:capture", "o-1:void"];
    assert_eq!(parts.bank.asked(), asked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_the_provider_is_asked_the_next_asks_again_and_nothing_is_paid_twice() {
    let parts = Parts::start(1).await;
    parts.count("margherita", 100).await;
    for i in 0..20 {
        parts.bank.hold(&format!("o-{i}:capture"));
    }
    let service = parts.run_by(rules("prep=0ms"), &Health::of("fulfilment"));
    for i in 0..20 {
        parts.emit(&paid(&format!("o-{i}"))).await;
    }
    parts.bank.was_asked("o-7:capture").await;
    service.kill().await;
    for i in 0..20 {
        parts.bank.let_go(&format!("o-{i}:capture"));
    }
    // What was taken is due again when its lease is over.
    parts.execute("UPDATE fulfilment_payments SET due_at = 0 WHERE due_at IS NOT NULL", &[]).await;
    let service = parts.run_by(rules("prep=0ms"), &Health::of("fulfilment"));
    parts.statuses.until("ready", 20).await;
    service.stop().await;
    for i in 0..20 {
        assert_eq!(parts.statuses.steps(&format!("o-{i}")), STEPS);
    }
    assert_eq!(parts.bank.done().len(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goods_that_come_back_are_paid_back_once_each_and_never_more_than_was_paid() {
    let parts = Parts::start(1).await;
    parts.count("margherita", 2).await;
    parts.bank.says("r-1:refund", [unknown()]);
    let service = parts.run_by(rules("prep=0ms"), &Health::of("fulfilment"));
    parts.emit(&paid("o-1")).await;
    parts.statuses.until("ready", 1).await;
    parts.emit(&collected("o-1")).await;
    parts.statuses.until("completed", 1).await;
    assert_eq!(parts.stock("margherita").await, (0, 0, 2));

    let back = returned("r-1", "o-1", "5.25");
    let meta = parts.emit(&back).await;
    parts.emit(&back).await;
    parts.statuses.until("refunded 5.25", 1).await;
    // Three pieces of two: what is left of it is paid back.
    parts.emit(&returned("r-2", "o-1", "10.50")).await;
    let is_second =
        |told: &[Status]| told.iter().filter(|it| it.step == "refunded 5.25").count() == 2;
    parts.statuses.until_told(is_second).await;
    parts.emit(&returned("r-3", "o-1", "5.25")).await;
    parts.emit(&returned("r-4", "nobody's", "5.25")).await;
    parts.dead_letters(1).await;
    service.stop().await;
    let steps = parts.statuses.steps("o-1");
    assert_eq!(steps[4..], ["completed", "refunded 5.25", "refunded 5.25"]);
    assert_eq!(parts.statuses.of("o-1")[5].caused_by, meta.id.to_string());
    let refunds: Vec<_> = parts.bank.done().into_keys().filter(|k| k.ends_with("refund")).collect();
    assert_eq!(refunds, ["r-1:refund", "r-2:refund"]);
}
