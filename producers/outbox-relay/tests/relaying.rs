//! What was committed comes into the topic.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use orderly_sdk::{OutRecord, kafka::Tail};
use orderly_stores::outbox;

use crate::parts::{PATIENCE, Parts, TOPIC, assert_all_in_order, commit, record, wire::Produce};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_committed_comes_once_and_in_commit_order_per_key() {
    let parts = Parts::start(3).await;
    let relay = parts.run();
    let counter = Arc::new(AtomicUsize::new(0));
    let services: Vec<_> = (0..4)
        .map(|_| {
            let (database, counter) = (parts.database.clone(), Arc::clone(&counter));
            tokio::spawn(async move {
                for _ in 0..75 {
                    // Transactions take turns: within one, nobody else counts.
                    let mut tx = database.begin().await.unwrap();
                    for _ in 0..4 {
                        let n = counter.fetch_add(1, Ordering::Relaxed);
                        let record = record(&format!("key-{}", n % 5), n);
                        outbox::insert(&mut tx, &[record]).await.unwrap();
                    }
                    tx.commit().await.unwrap();
                }
            })
        })
        .collect();
    for service in services {
        service.await.unwrap();
    }

    parts.topic.until(1_200).await;
    parts.until_outbox_is_empty().await;
    relay.stop().await;
    assert_all_in_order(&parts.topic.ids(), 1_200);
    assert_eq!(parts.topic.ids().len(), 1_200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_a_batch_is_drained() {
    let parts = Parts::start(3).await;
    let records: Vec<_> = (0..5_500).map(|n| record(&format!("key-{}", n % 9), n)).collect();
    parts.commit(&records).await;
    let relay = parts.run();

    parts.topic.until(5_500).await;
    relay.stop().await;
    assert_all_in_order(&parts.topic.ids(), 5_500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_in_this_process_wakes_it_at_once() {
    let parts = Parts::start(1).await;
    // It looks by itself more rarely than the test waits.
    let relay = parts.run();
    for n in 0..30 {
        parts.commit(&[record("k", n)]).await;
        parts.topic.until(n + 1).await;
        parts.until_outbox_is_empty().await;
    }
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_in_another_process_is_found_by_looking() {
    let parts = Parts::start(1).await;
    let relay = parts.run_polling(&parts.config, std::time::Duration::from_millis(20));
    let elsewhere = parts.database_elsewhere();
    for n in 0..3 {
        commit(&elsewhere, &[record("k", n)]).await;
        parts.topic.until(n + 1).await;
    }
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_flight_is_finished_before_it_stops() {
    let parts = Parts::start(1).await;
    let wire = parts.wire().await;
    wire.set(Produce::HoldAnswers);
    parts.commit_many(0, 20, 3).await;
    let relay = parts.run_on(&wire.config(&parts.config));
    wire.until_produced().await;

    relay.shutdown.cancel();
    wire.set(Produce::Pass);
    relay.ended().await.unwrap();

    assert_eq!(parts.outbox().await, [""; 0]);
    parts.topic.until(20).await;
    assert_all_in_order(&parts.topic.ids(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_never_acknowledged_does_not_keep_it_from_stopping_and_stays() {
    let parts = Parts::start(1).await;
    let wire = parts.wire().await;
    wire.set(Produce::Lose);
    parts.commit_many(0, 20, 3).await;
    let relay = parts.run_on(&wire.config(&parts.config));
    wire.until_produced().await;

    relay.stop().await;

    assert_eq!(parts.outbox().await.len(), 20);
    let relay = parts.run();
    parts.topic.until(20).await;
    relay.stop().await;
    assert_all_in_order(&parts.topic.ids(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tombstone_comes_into_the_topic_as_one() {
    let parts = Parts::start(1).await;
    let tombstone = OutRecord { payload: None, ..record("k", 1) };
    parts.commit(&[record("k", 0), tombstone, record("k", 2)]).await;
    let relay = parts.run();

    let mut tail = Tail::from_start(&parts.config, &[TOPIC]).await.unwrap();
    let mut payloads = Vec::new();
    while payloads.len() < 3 {
        let next = tokio::time::timeout(PATIENCE, tail.next()).await.unwrap();
        payloads.push(next.unwrap().unwrap().payload().map(<[u8]>::to_vec));
    }
    relay.stop().await;
    assert_eq!(payloads, [Some(b"0".to_vec()), None, Some(b"2".to_vec())]);
}
