//! A part is away, and comes back.

use crate::parts::{Parts, assert_all_in_order, record, wire::Produce};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_down_it_waits_and_then_goes_on() {
    let parts = Parts::start(3).await;
    let relay = parts.run();
    parts.commit_many(0, 10, 3).await;
    parts.topic.until(10).await;

    parts.broker.go_down().unwrap();
    parts.commit_many(10, 90, 3).await;
    assert!(!parts.outbox().await.is_empty());
    parts.broker.come_back().unwrap();

    parts.topic.until(100).await;
    parts.until_outbox_is_empty().await;
    relay.stop().await;
    assert_all_in_order(&parts.topic.ids(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn started_while_the_broker_is_down_it_waits_too() {
    let parts = Parts::start(1).await;
    parts.broker.go_down().unwrap();
    parts.commit_many(0, 20, 3).await;
    let relay = parts.run();
    parts.commit_many(20, 20, 3).await;
    parts.broker.come_back().unwrap();

    parts.topic.until(40).await;
    relay.stop().await;
    assert_all_in_order(&parts.topic.ids(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_that_is_given_up_is_replaced() {
    let parts = Parts::start(1).await;
    let wire = parts.wire().await;
    // A client's own: it gives up on everything, for ever.
    wire.refuse_producers(2);
    let relay = parts.run_on(&wire.config(&parts.config));
    parts.commit_many(0, 30, 3).await;

    parts.topic.until(30).await;
    parts.until_outbox_is_empty().await;
    relay.stop().await;
    assert_eq!(wire.producers_to_refuse(), 0);
    assert_all_in_order(&parts.topic.ids(), 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_marked_as_sent_is_sent_again_until_it_can() {
    let parts = Parts::start(1).await;
    let wire = parts.wire().await;
    wire.set(Produce::HoldAnswers);
    parts.commit(&[record("k", 0)]).await;
    let relay = parts.run_on(&wire.config(&parts.config));
    parts.topic.until(1).await;
    // Another process writes for longer than the database waits; reading goes on beside it.
    let elsewhere = parts.database_elsewhere();
    let held = elsewhere.begin().await.unwrap();
    wire.set(Produce::Pass);

    parts.topic.until_it(|ids| ids.len() >= 2).await;
    drop(held);
    parts.until_outbox_is_empty().await;
    relay.stop().await;
    assert!(parts.topic.ids().iter().all(|id| id == "k/0"));
}
