//! A store that says where partitions begin and is away: at an assignment, and in the middle.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use orderly_sdk::{
    EventId, Health, OutRecord,
    consume::{
        Begun, ConsumeError, Consumer, Context, Failure, Handler, Position, Scope, Start, Unit,
    },
    emit::EmitSettings,
    record::TopicPartition,
};

use crate::{
    away::{is_away, is_ready, nothing_was_dead_lettered, until},
    members::{Running, end, quick, run, stop},
    parts::{Greeted, Parts, Seen, greeted},
};

/// Keeps positions in memory, and is away for some partitions, or for all work.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    away_for: HashSet<i32>,
    is_away: bool,
    is_damaged: bool,
    begun_at: Vec<(i32, Start)>,
    positions: std::collections::HashMap<i32, i64>,
}

impl Store {
    fn change(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.0.lock().unwrap());
    }

    fn begun(&self) -> Vec<(i32, Start)> {
        self.0.lock().unwrap().begun_at.clone()
    }
}

impl Scope for Store {
    type Tx = ();

    fn keeps_position(&self, _: &TopicPartition) -> bool {
        true
    }

    async fn start(&self, _: &str, partition: &TopicPartition) -> Result<Start, Failure> {
        let mut kept = self.0.lock().unwrap();
        let number = partition.partition;
        if kept.is_damaged {
            return Err(Failure::reject("of another cluster"));
        }
        if kept.away_for.contains(&number) {
            return Err(Failure::unavailable("database", "away"));
        }
        let start = kept.positions.get(&number).map_or(Start::Oldest, |next| {
            Start::At(Position { next: *next, done_beyond: String::new() })
        });
        kept.begun_at.push((number, start.clone()));
        Ok(start)
    }

    async fn begin(&self, _: &Unit<'_>) -> Result<Begun<()>, Failure> {
        if self.0.lock().unwrap().is_away {
            return Err(Failure::unavailable("database", "away"));
        }
        Ok(Begun::Fresh(()))
    }

    async fn commit(&self, (): (), unit: &Unit<'_>, _: Vec<OutRecord>) -> Result<(), Failure> {
        let mut kept = self.0.lock().unwrap();
        kept.positions.insert(unit.partition.partition, unit.offsets[0] + 1);
        Ok(())
    }
}

/// Which partition a record was in, and its number.
struct Noting(Seen<(i32, i64)>);

impl Handler<Greeted, Store> for Noting {
    async fn handle(&self, cx: &mut Context<'_, Store>, event: Greeted) -> Result<(), Failure> {
        self.0.add((cx.at().partition.partition, event.number));
        Ok(())
    }
}

fn member(parts: &Parts, store: &Store, seen: &Seen<(i32, i64)>) -> (Running, Health) {
    let health = Health::of("group");
    health.started();
    let consumer = Consumer::new("group", &parts.config)
        .within(store.clone())
        .reporting(&health)
        .retrying(quick())
        .on::<Greeted>(Noting(seen.clone()));
    (run(consumer), health)
}

/// So many events in each partition; answers how many there are in all.
async fn fill(parts: &Parts, each: i64, partitions: i32) -> usize {
    let emitter = parts.emitter(EmitSettings::default()).await;
    let meta = orderly_sdk::Meta::new(&"test".into());
    for partition in 0..partitions {
        for number in 0..each {
            let meta = orderly_sdk::Meta { id: EventId::new(), ..meta.clone() };
            let mut record = emitter.encoders().record(&greeted("k", number), &meta).unwrap();
            record.partition = Some(partition);
            emitter.send_encoded(record).await.unwrap().await.unwrap();
        }
    }
    usize::try_from(each * i64::from(partitions)).unwrap()
}

fn in_order(seen: &[(i32, i64)], partition: i32) -> Vec<i64> {
    seen.iter().filter(|(at, _)| *at == partition).map(|(_, number)| *number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_at_an_assignment_holds_up_only_its_partition() {
    let parts = Parts::start(3).await;
    let total = fill(&parts, 10, 3).await;
    let (store, seen) = (Store::default(), Seen::default());
    store.change(|kept| {
        kept.away_for.insert(1);
        kept.positions.insert(1, 4);
    });
    let (member, health) = member(&parts, &store, &seen);
    let all = seen.until("the others go on", |all| all.len() == 20).await;
    assert!(in_order(&all, 1).is_empty());
    until(&health, "the database is away", is_away("database")).await;

    store.change(|kept| kept.away_for.clear());
    let all = seen.until("its rest, too", |all| all.len() == total - 4).await;
    assert_eq!(in_order(&all, 1), (4..10).collect::<Vec<_>>());
    assert_eq!(in_order(&all, 2), (0..10).collect::<Vec<_>>());
    until(&health, "ready", is_ready).await;
    // It goes on being read, and is given back like any other.
    fill(&parts, 1, 3).await;
    seen.until("later ones", |all| all.len() == total - 4 + 3).await;
    stop(member).await.unwrap();
    nothing_was_dead_lettered(&parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_waits_for_its_start_may_go_to_another_member() {
    let parts = Parts::start(2).await;
    let total = fill(&parts, 5, 2).await;
    let (away, seen) = (Store::default(), Seen::default());
    away.change(|kept| kept.away_for.extend([0, 1]));
    let (first, first_health) = member(&parts, &away, &seen);
    until(&first_health, "it has both", |s| s.members[0].partitions == 2).await;
    until(&first_health, "the database is away", is_away("database")).await;

    let (second, _) = member(&parts, &Store::default(), &seen);
    seen.until("what the second took", |all| !all.is_empty()).await;
    until(&first_health, "it has one", |s| s.members[0].partitions == 1).await;
    stop(first).await.unwrap();
    assert!(away.begun().is_empty());
    assert!(first_health.snapshot().parts.iter().all(|part| part.away.is_none()));
    let all = seen.until("both", |all| all.len() == total).await;
    assert_eq!(in_order(&all, 0), (0..5).collect::<Vec<_>>());
    assert_eq!(in_order(&all, 1), (0..5).collect::<Vec<_>>());
    stop(second).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_says_more_than_that_it_is_away_stops_the_member() {
    let parts = Parts::start(1).await;
    let store = Store::default();
    store.change(|kept| kept.is_damaged = true);
    let (member, _) = member(&parts, &store, &Seen::default());
    let error = end(member).await.unwrap_err();
    let ConsumeError::Impossible { why, .. } = &error else { panic!("{error:?}") };
    assert!(why.contains("another cluster"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_goes_away_in_the_middle_is_waited_for() {
    let parts = Parts::start(1).await;
    fill(&parts, 5, 1).await;
    let (store, seen) = (Store::default(), Seen::default());
    let (member, health) = member(&parts, &store, &seen);
    seen.until("five", |all| all.len() == 5).await;
    store.change(|kept| kept.is_away = true);
    fill(&parts, 5, 1).await;
    until(&health, "the database is away", is_away("database")).await;
    assert_eq!(seen.all().len(), 5);
    store.change(|kept| kept.is_away = false);
    seen.until("ten", |all| all.len() == 10).await;
    until(&health, "ready", is_ready).await;
    stop(member).await.unwrap();
    nothing_was_dead_lettered(&parts).await;
}
