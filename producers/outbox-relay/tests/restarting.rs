//! Killed, and another one started.

use std::collections::HashMap;

use crate::parts::{Parts, assert_all_in_order, wire::Produce};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_the_acknowledgement_it_sends_again_under_the_same_ids() {
    let parts = Parts::start(1).await;
    let wire = parts.wire().await;
    wire.set(Produce::HoldAnswers);
    parts.commit_many(0, 60, 4).await;
    let relay = parts.run_to_be_killed(&wire.config(&parts.config));
    // Written, and the relay can't know.
    parts.topic.until(60).await;
    assert_eq!(parts.outbox().await.len(), 60);
    relay.kill().await;

    let relay = parts.run_to_be_killed(&parts.config);
    parts.until_outbox_is_empty().await;
    parts.topic.until_it(|ids| ids.len() >= 120).await;
    relay.stop().await;

    let ids = parts.topic.ids();
    assert_all_in_order(&ids, 60);
    let mut times: HashMap<&String, usize> = HashMap::new();
    ids.iter().for_each(|id| *times.entry(id).or_default() += 1);
    assert!(times.values().all(|times| *times == 2), "{times:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_it_loses_nothing_and_keeps_the_order() {
    let parts = Parts::start(3).await;
    for round in 0..10 {
        let relay = parts.run_to_be_killed(&parts.config);
        parts.commit_many(round * 70, 70, 5).await;
        // Wherever that is.
        parts.topic.until(round * 70 + round * 7 + 1).await;
        relay.kill().await;
    }
    let relay = parts.run_to_be_killed(&parts.config);

    parts.topic.until(700).await;
    parts.until_outbox_is_empty().await;
    relay.stop().await;
    assert_all_in_order(&parts.topic.ids(), 700);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_at_once_only_repeat() {
    let parts = Parts::start(3).await;
    let relays = [parts.run_to_be_killed(&parts.config), parts.run_to_be_killed(&parts.config)];
    parts.commit_many(0, 700, 5).await;

    parts.topic.until(700).await;
    parts.until_outbox_is_empty().await;
    for relay in relays {
        relay.stop().await;
    }
    assert_all_in_order(&parts.topic.ids(), 700);
}
