//! Position and effect are one.

use history::{Happened, fold};
use orderly_sdk::{
    EventId,
    consume::{Begun, Failure, Received, Scope as _, Unit},
    record::TopicPartition,
};
use orderly_stores::{Positions, Tx, positions};

use crate::parts::{Store, confirmed, placed, received};

on_both! {
    a_batch_that_fails_half_way_leaves_neither_effect_nor_position,
    an_overtaken_members_batch_is_rolled_back,
}

async fn a_batch_that_fails_half_way_leaves_neither_effect_nor_position(store: Store) {
    let member = member(&store).await;
    let batch = [received(placed("o1"), 0), received(placed("o2"), 0)];
    let empty = store.rows().await;

    let mut tx = begin(&member, 0, &batch).await.unwrap();
    fold(&mut tx, &batch[..1]).await.unwrap();
    assert!(tx.execute("INSERT INTO history_nowhere VALUES (1)", &[]).await.is_err());
    commit(&member, tx, 0, &batch).await.unwrap_err();

    assert_eq!(store.rows().await, empty);
    assert_eq!(position(&store).await, None);

    let mut tx = begin(&member, 0, &batch).await.unwrap();
    fold(&mut tx, &batch).await.unwrap();
    commit(&member, tx, 0, &batch).await.unwrap();
    assert_eq!(store.history.counts().await.unwrap().orders, 2);
    assert_eq!(position(&store).await, Some(2));
}

async fn an_overtaken_members_batch_is_rolled_back(store: Store) {
    let (old, new) = (member(&store).await, member(&store).await);
    let batch = [received(placed("o1"), 0), received(confirmed("o1", 1), 1)];
    let mut tx = begin(&new, 0, &batch[..1]).await.unwrap();
    fold(&mut tx, &batch[..1]).await.unwrap();
    commit(&new, tx, 0, &batch[..1]).await.unwrap();
    let kept = store.rows().await;

    let mut tx = begin(&old, 0, &batch).await.unwrap();
    fold(&mut tx, &batch).await.unwrap();
    let failure = commit(&old, tx, 0, &batch).await.unwrap_err();

    assert!(failure.to_string().starts_with("overtaken: "), "{failure}");
    assert_eq!(store.rows().await, kept);
    assert_eq!(position(&store).await, Some(1));
}

const GROUP: &str = "history";

fn partition() -> TopicPartition {
    TopicPartition { topic: "orders".into(), partition: 0 }
}

async fn member(store: &Store) -> Positions {
    let member = Positions::new(store.db.clone(), "cluster");
    member.prepare().await.unwrap();
    member.start(GROUP, &partition()).await.unwrap();
    member
}

async fn begin(
    member: &Positions,
    first: i64,
    batch: &[Received<Happened>],
) -> Result<Tx, Failure> {
    let (at, ids) = (partition(), ids(batch));
    match member.begin(&unit(&at, first, &ids)).await? {
        Begun::Fresh(tx) => Ok(tx),
        Begun::Repeat => panic!("a repeat where a fresh batch was expected"),
    }
}

async fn commit(
    member: &Positions,
    tx: Tx,
    first: i64,
    batch: &[Received<Happened>],
) -> Result<(), Failure> {
    let (at, ids) = (partition(), ids(batch));
    member.commit(tx, &unit(&at, first, &ids), Vec::new()).await
}

fn ids(batch: &[Received<Happened>]) -> Vec<EventId> {
    batch.iter().map(|event| event.meta.id).collect()
}

fn unit<'a>(partition: &'a TopicPartition, first: i64, events: &'a [EventId]) -> Unit<'a> {
    let next = first + i64::try_from(events.len()).unwrap();
    let offsets = Vec::leak((first..next).collect());
    Unit { group: GROUP, partition, offsets, events, ledger: None, is_redriven: false }
}

async fn position(store: &Store) -> Option<i64> {
    positions::next_offset(&store.db, GROUP, &partition()).await.unwrap()
}
