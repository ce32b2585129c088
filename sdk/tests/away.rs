//! Brokers and registries that are away, at the start and in the middle: waited for, and told of.

use std::time::{Duration, Instant};

use chrono::Utc;
use orderly_sdk::{
    Health, Meta, Snapshot, away,
    consume::{ConsumeError, Consumer, Context, Failure, Handler},
    emit::{EmitError, EmitSettings, Emitter},
    kafka::{KafkaError, Probe},
    record::TopicPartition,
};

use crate::{
    members::{Running, Script, ok, quick, run, stop},
    parts::{Greeted, Parted, Parts, Seen, greeted},
};

/// Waits until the report is as it should be; fails the test after 40 s.
pub async fn until(health: &Health, what: &str, condition: impl Fn(&Snapshot) -> bool) -> Snapshot {
    let deadline = Instant::now() + Duration::from_secs(40);
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    loop {
        looks.tick().await;
        let snapshot = health.snapshot();
        if condition(&snapshot) {
            return snapshot;
        }
        assert!(Instant::now() < deadline, "never: {what}; {snapshot:?}");
    }
}

pub fn is_away(part: &str) -> impl Fn(&Snapshot) -> bool {
    move |snapshot| {
        let is_away = snapshot.parts.iter().any(|p| p.name == part && p.away.is_some());
        assert!(!(is_away && snapshot.is_ready), "{snapshot:?}");
        is_away
    }
}

pub fn is_ready(snapshot: &Snapshot) -> bool {
    snapshot.is_ready
}

/// A group's member and its report, past its start.
fn greeter(parts: &Parts, seen: &Seen<(i64, orderly_sdk::EventId)>) -> (Running, Health) {
    let health = Health::of("group");
    health.started();
    let script = Script { seen: seen.clone(), act: ok };
    let consumer = Consumer::new("group", &parts.config).reporting(&health).retrying(quick());
    (run(consumer.on::<Greeted>(script)), health)
}

pub async fn nothing_was_dead_lettered(parts: &Parts) {
    let probe = Probe::new(&parts.config).unwrap();
    for partition in 0..probe.partitions("group.dead-letters").await.unwrap() {
        let at = TopicPartition { topic: "group.dead-letters".into(), partition };
        assert_eq!(probe.ends(&at).await.unwrap(), (0, 0), "{at}");
    }
}

fn numbers(seen: &Seen<(i64, orderly_sdk::EventId)>) -> Vec<i64> {
    seen.all().into_iter().map(|(number, _)| number).collect()
}

/// Never gives up on a record.
fn patient() -> EmitSettings {
    EmitSettings { delivery_timeout: None, ..EmitSettings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_gone_at_the_start_is_waited_for() {
    let parts = Parts::start(2).await;
    let emitter = parts.emitter(patient()).await;
    for number in 0..5 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    parts.broker.go_down().unwrap();
    let seen = Seen::default();
    let (member, health) = greeter(&parts, &seen);
    let told = until(&health, "Kafka is away", is_away("kafka")).await;
    assert!(!told.members[0].has_joined);

    parts.broker.come_back().unwrap();
    seen.until("all five", |all| all.len() == 5).await;
    let told = until(&health, "ready", is_ready).await;
    assert_eq!(told.members[0].partitions, 2);
    stop(member).await.unwrap();
    assert!(health.snapshot().members.is_empty());
    nothing_was_dead_lettered(&parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_is_an_error_at_once_and_a_shutdown_ends_the_waiting() {
    let parts = Parts::start(1).await;
    let other = orderly_sdk::kafka::EmbeddedBroker::start([("other", 1)]).unwrap();
    let config = other.config(&parts.registry.url());
    let consumer = || {
        let script = Script { seen: Seen::default(), act: ok };
        Consumer::new("group", &config).on::<Greeted>(script)
    };
    let error = consumer().run_until(std::future::pending()).await.unwrap_err();
    assert!(matches!(error, ConsumeError::Kafka(KafkaError::NoSuchTopic(_))), "{error}");

    other.go_down().unwrap();
    let health = Health::of("group");
    let waiting = run(consumer().reporting(&health));
    until(&health, "Kafka is away", is_away("kafka")).await;
    stop(waiting).await.unwrap();
    // Who watched the broker has ended, too, and takes back what it said.
    until(&health, "nobody waits", |told| told.parts.iter().all(|part| part.away.is_none())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_outlives_a_broker_that_is_gone_for_longer_than_its_session() {
    let parts = Parts::start(2).await;
    let emitter = parts.emitter(patient()).await;
    let seen = Seen::default();
    let (member, health) = greeter(&parts, &seen);
    for number in 0..20 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    seen.until("20", |all| all.len() == 20).await;
    until(&health, "ready", is_ready).await;

    parts.broker.go_down().unwrap();
    let mut sent = Vec::new();
    for number in 20..40 {
        let meta = Meta::new(&"test".into());
        sent.push(emitter.send(&greeted("k", number), &meta).await.unwrap());
    }
    // The embedded broker's sessions last 3 s.
    until(&health, "away for 5 s", |snapshot| {
        let away = snapshot.parts.iter().find_map(|part| part.away.as_ref());
        away.is_some_and(|away| Utc::now() - away.since > chrono::TimeDelta::seconds(5))
    })
    .await;
    parts.broker.come_back().unwrap();
    for outcome in sent {
        outcome.await.unwrap();
    }
    seen.until("40", |all| all.iter().any(|(number, _)| *number == 39)).await;
    until(&health, "ready again", is_ready).await;
    stop(member).await.unwrap();
    // What was done and not committed may be done again; in order, and with none left out.
    let mut last = -1;
    for number in numbers(&seen) {
        assert!(number <= last + 1, "{number} after {last}");
        last = last.max(number);
    }
    assert_eq!(last, 39);
    nothing_was_dead_lettered(&parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_stops_in_time_while_the_broker_is_away() {
    let parts = Parts::start(2).await;
    let emitter = parts.emitter(patient()).await;
    let seen = Seen::default();
    let (member, health) = greeter(&parts, &seen);
    emitter.emit(&greeted("k", 1)).await.unwrap();
    seen.until("one", |all| all.len() == 1).await;
    parts.broker.go_down().unwrap();
    until(&health, "Kafka is away", is_away("kafka")).await;
    stop(member).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emitter_that_nobody_uses_knows_that_the_broker_is_away() {
    let parts = Parts::start(1).await;
    let health = Health::of("test");
    health.started();
    let settings = EmitSettings { health: health.clone(), ..patient() };
    let emitter = parts.emitter(settings).await;
    assert!(emitter.health().snapshot().is_ready);
    parts.broker.go_down().unwrap();
    until(emitter.health(), "Kafka is away", is_away("kafka")).await;
    parts.broker.come_back().unwrap();
    until(&health, "ready", is_ready).await;
    emitter.emit(&greeted("k", 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_gone_in_the_middle_is_waited_for_and_nothing_is_passed_over() {
    let mut parts = Parts::start(2).await;
    let emitter = parts.emitter(patient()).await;
    let (seen, parted) = (Seen::default(), Seen::default());
    let health = Health::of("group");
    health.started();
    let script = Script { seen: seen.clone(), act: ok };
    let consumer = Consumer::new("group", &parts.config).reporting(&health).retrying(quick());
    let member = run(consumer.on::<Greeted>(script).on::<Parted>(Parting(parted.clone())));
    // One key for each partition.
    let (known, unknown) = ("a", other_partition_than("a", &emitter).await);
    seen.until("schemas are known", |all| !all.is_empty()).await;

    parts.registry.go_down().await;
    emitter.emit(&Parted { name: unknown.clone() }).await.unwrap();
    until(&health, "the registry is away", is_away("registry")).await;
    emitter.emit(&greeted(&unknown, 77)).await.unwrap();
    for number in 100..120 {
        emitter.emit(&greeted(known, number)).await.unwrap();
    }
    assert!(parted.all().is_empty());
    assert!(!numbers(&seen).contains(&77), "it overtook what waits");

    parts.registry.come_back().await.unwrap();
    parted.until("it goes on", |all| all.len() == 1).await;
    let all_later = |all: &[(i64, _)]| all.iter().filter(|(number, _)| *number >= 77).count() == 21;
    seen.until("what came meanwhile", all_later).await;
    until(&health, "ready", is_ready).await;
    stop(member).await.unwrap();
    nothing_was_dead_lettered(&parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_gone_at_the_start_is_waited_for() {
    let mut parts = Parts::start(1).await;
    let emitter = parts.emitter(patient()).await;
    parts.registry.go_down().await;
    for number in 0..5 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    let seen = Seen::default();
    let (member, health) = greeter(&parts, &seen);
    until(&health, "the registry is away", is_away("registry")).await;
    assert!(seen.all().is_empty());

    parts.registry.come_back().await.unwrap();
    seen.until("all five", |all| all.len() == 5).await;
    until(&health, "ready", is_ready).await;
    stop(member).await.unwrap();
    nothing_was_dead_lettered(&parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_a_part_that_is_away_says_which() {
    let mut parts = Parts::start(1).await;
    let impatient =
        EmitSettings { delivery_timeout: Some(Duration::from_secs(2)), ..EmitSettings::default() };
    let emitter = parts.emitter(impatient).await;
    parts.config.connect_timeout = Duration::from_millis(500);
    parts.broker.go_down().unwrap();
    let emit: EmitError = emitter.emit(&greeted("k", 1)).await.unwrap_err();
    assert_eq!(away(&emit).unwrap().part, "kafka", "{emit:?}");
    assert_eq!(
        *Failure::from(emit).decision(),
        orderly_sdk::consume::Decision::Unavailable("kafka")
    );

    let encoders = emitter.encoders().clone();
    let connect: KafkaError =
        Emitter::connect(&parts.config, encoders, EmitSettings::default()).await.err().unwrap();
    assert_eq!(away(&connect).unwrap().part, "kafka");
    assert_eq!(away(&ConsumeError::from(connect)).unwrap().part, "kafka");

    parts.registry.go_down().await;
    let registry = orderly_sdk::codec::Registry::new(&parts.config).unwrap();
    let declared = orderly_sdk::codec::Encoders::of("test").event::<Greeted>();
    let register = declared.register(&parts.config, &registry).await.err().unwrap();
    assert_eq!(away(&register).unwrap().part, "registry");
    let lookup = registry.schema(1).await.err().unwrap();
    assert_eq!(away(&ConsumeError::from(lookup)).unwrap().part, "registry");

    let too_large = emitter.emit(&greeted(&"k".repeat(2_000_000), 1)).await.unwrap_err();
    assert!(away(&too_large).is_none(), "{too_large:?}");
}

struct Parting(Seen<String>);

impl Handler<Parted> for Parting {
    async fn handle(&self, _: &mut Context<'_>, event: Parted) -> Result<(), Failure> {
        self.0.add(event.name);
        Ok(())
    }
}

/// Emits until a key goes where `key` doesn't.
async fn other_partition_than(key: &str, emitter: &Emitter) -> String {
    let taken = emitter.emit(&greeted(key, 0)).await.unwrap().at.partition;
    for number in 0.. {
        let other = format!("other-{number}");
        if emitter.emit(&greeted(&other, 0)).await.unwrap().at.partition != taken {
            return other;
        }
    }
    unreachable!()
}
