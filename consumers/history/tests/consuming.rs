//! The group, on the embedded broker.

use std::sync::{Arc, Mutex};

use history::{Counts, Happened, ReadModel, fold};
use orderly_sdk::{
    OutRecord,
    consume::{BatchContext, BatchHandler, Consumer, Failure, Received},
    record::TopicPartition,
};
use orderly_stores::{Database, Positions, positions};
use tokio::sync::Notify;

use crate::parts::{
    Of, Store,
    cluster::{Cluster, OrderGiftWrapped},
    completed, confirmed, placed, ready, returned, started,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_members_fold_both_topics() {
    let (store, cluster) = (Store::open().await, Cluster::start().await);
    let mut service = cluster.run(&store, 2);

    for i in 0..40 {
        let id = format!("o{i}");
        // Every other order's statuses come first.
        if i % 2 == 0 {
            cluster.emit(placed(&id)).await;
        }
        cluster.emit(confirmed(&id, 1)).await;
        cluster.emit(started(&id, 2, "Bake")).await;
        cluster.emit(ready(&id, 3)).await;
        if i % 2 == 1 {
            cluster.emit(placed(&id)).await;
        }
    }
    cluster.emit(returned("c1")).await;

    let all = Counts { orders: 40, statuses: 120, returns: 1 };
    service.until("all is kept", async || store.history.counts().await.unwrap() == all).await;
    let page = store.history.orders_after("", 100).await.unwrap();
    assert!(page.iter().all(|order| order.status == "ready" && order.lines == 2), "{page:?}");
    service.stop().await;
    assert_eq!(store.history.counts().await.unwrap(), all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_was_sent_again_is_kept_once() {
    let (store, cluster) = (Store::open().await, Cluster::start().await);
    let (order, status) = (cluster.meta(), cluster.meta());
    for _ in 0..3 {
        cluster.emitter.emit_as(&placed("o1").0, &order).await.unwrap();
        cluster.emitter.emit_as(&confirmed("o1", 1).0, &status).await.unwrap();
    }
    let mut service = cluster.run(&store, 1);
    cluster.emit(completed("o1", 2)).await;

    let all = Counts { orders: 1, statuses: 2, returns: 0 };
    service.until("all is kept", async || store.history.counts().await.unwrap() == all).await;
    service.stop().await;
    let kept = store.history.order("o1").await.unwrap().unwrap();
    assert_eq!((kept.timeline.len(), kept.lines.len()), (3, 2));
    assert_eq!(kept.placed_at, order.time);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_is_not_known_is_passed_over() {
    let (store, cluster) = (Store::open().await, Cluster::start().await);
    cluster.emit(placed("o1")).await;
    cluster.emit(Of(OrderGiftWrapped { order_id: "o1".into() })).await;
    cluster.emit(placed("o2")).await;
    let mut service = cluster.run(&store, 1);

    service
        .until("both are kept", async || store.history.counts().await.unwrap().orders == 2)
        .await;
    service.stop().await;
    let kept = store.history.order("o1").await.unwrap().unwrap();
    assert_eq!(kept.timeline.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undecodable_record_goes_to_the_dead_letters_and_the_rest_goes_on() {
    let (store, cluster) = (Store::open().await, Cluster::start().await);
    cluster.emit(placed("o1")).await;
    let bad = broken_record(&cluster);
    cluster.emitter.send_encoded(bad.clone()).await.unwrap().await.unwrap();
    let mut service = cluster.run(&store, 1);

    let letters = cluster.dead_letters(1).await;
    assert_eq!(letters[0].key(), Some(&b"o1"[..]));
    assert_eq!(letters[0].payload(), bad.payload.as_deref());
    assert_eq!(letters[0].header_str("dead-letter.group"), Some("history"));
    service.until("it is passed", async || store.positions().await == [2]).await;
    service.stop().await;

    // Of the same key, so behind it in its partition.
    cluster.emit(placed("o1")).await;
    cluster.emit(confirmed("o1", 1)).await;
    let mut service = cluster.run(&store, 1);
    service
        .until("the rest is kept", async || {
            let kept = store.history.order("o1").await.unwrap().unwrap();
            kept.status == "confirmed" && kept.timeline.len() == 3
        })
        .await;
    service.stop().await;
    assert_eq!(cluster.count("history.dead-letters").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_fails_in_the_middle_leaves_no_effect_and_no_position() {
    let (store, cluster) = (Store::open().await, Cluster::start().await);
    let before = Positions::new(store.db.clone(), "embedded");
    before.prepare().await.unwrap();
    cluster.emit(placed("o1")).await;
    let handler = FailsFirst {
        db: store.db.clone(),
        history: store.history.clone(),
        found: Arc::default(),
        done: Arc::default(),
    };
    let (found, done) = (Arc::clone(&handler.found), Arc::clone(&handler.done));
    let consumer =
        Consumer::new("history", &cluster.config).within(before).in_batches::<Happened>(handler);

    consumer.run_until(async move { done.notified().await }).await.unwrap();

    let nothing = Counts { orders: 0, statuses: 0, returns: 0 };
    assert_eq!(*found.lock().unwrap(), [(1, nothing, None), (2, nothing, None)]);
    let counts = store.history.counts().await.unwrap();
    assert_eq!(counts, Counts { orders: 1, ..nothing });
    assert_eq!(store.positions().await, [1]);
}

/// What an attempt found: its number, counts, position.
type Found = (u32, Counts, Option<i64>);

/// Folds, and then fails the first time.
struct FailsFirst {
    db: Database,
    history: ReadModel,
    found: Arc<Mutex<Vec<Found>>>,
    done: Arc<Notify>,
}

impl BatchHandler<Happened, Positions> for FailsFirst {
    async fn handle(
        &self,
        cx: &mut BatchContext<'_, Positions>,
        events: &[Received<Happened>],
    ) -> Result<(), Failure> {
        let partition: &TopicPartition = &events[0].at.partition;
        let counts = self.history.counts().await?;
        let position = positions::next_offset(&self.db, "history", partition).await?;
        self.found.lock().unwrap().push((cx.attempt(), counts, position));
        fold(cx.tx(), events).await?;
        if cx.attempt() == 1 {
            return Err(Failure::retry("half-way"));
        }
        self.done.notify_one();
        Ok(())
    }
}

/// Says that it is an order, and is none.
fn broken_record(cluster: &Cluster) -> OutRecord {
    let meta = cluster.meta();
    let mut record = cluster.emitter.encoders().record(&placed("o1").0, &meta).unwrap();
    let payload = record.payload.as_mut().unwrap();
    payload.truncate(9);
    record
}
