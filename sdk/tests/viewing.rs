//! A view of a compacted topic: what is said of each key now.

use std::time::{Duration, Instant};

use orderly_sdk::{
    Event, Health, Meta,
    codec::{Encoders, Registry},
    emit::{EmitSettings, Emitter},
    view::{View, ViewSettings},
};
use serde::{Deserialize, Serialize};

use crate::{
    away::{is_away, is_ready, until},
    parts::{Greeted, Parted, Parts, greeted},
};

/// The same event as a later version writes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct GreetedLater {
    name: String,
    number: i64,
    mood: String,
}

impl Event for GreetedLater {
    const TYPE: &'static str = Greeted::TYPE;
    const TOPIC: &'static str = Greeted::TOPIC;
    const SCHEMA: &'static str = r#"{"type":"record","name":"Greeted","namespace":"test",
        "fields":[{"name":"name","type":"string"},{"name":"number","type":"long"},
                  {"name":"mood","type":"string","default":""}]}"#;

    fn key(&self) -> &str {
        &self.name
    }
}

async fn followed(parts: &Parts, most_keys: usize) -> (View<Greeted>, Health) {
    let health = Health::of("viewer");
    health.started();
    let settings = ViewSettings { most_keys, health: health.clone() };
    (View::follow(&parts.config, settings).await.unwrap(), health)
}

/// Waits until the view says so; fails the test after 40 s.
async fn says(view: &View<Greeted>, key: &str, number: Option<i64>) {
    let deadline = Instant::now() + Duration::from_secs(40);
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    while view.get(key).map(|event| event.number) != number {
        looks.tick().await;
        assert!(Instant::now() < deadline, "never {number:?} for {key}: {:?}", view.get(key));
    }
}

async fn read(view: &View<Greeted>) {
    tokio::time::timeout(Duration::from_secs(40), view.read_once()).await.unwrap();
    assert!(view.is_read());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_of_each_key_is_seen_and_a_tombstone_removes() {
    let parts = Parts::start(2).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    for number in 1..=40 {
        emitter.emit(&greeted(&format!("key-{}", number % 10), number)).await.unwrap();
    }
    emitter.delete::<Greeted>("key-3").await.unwrap();
    let (view, health) = followed(&parts, 1_000).await;
    read(&view).await;
    // What was there when it began needs no waiting for.
    assert_eq!(view.len(), 9);
    assert_eq!(view.get("key-7").unwrap().number, 37);
    assert_eq!(view.get("key-3"), None);
    assert!(health.snapshot().is_ready);

    let clone = view.clone();
    drop(view);
    emitter.emit(&greeted("key-3", 50)).await.unwrap();
    emitter.emit(&greeted("key-7", 51)).await.unwrap();
    emitter.delete::<Greeted>("key-8").await.unwrap();
    says(&clone, "key-3", Some(50)).await;
    says(&clone, "key-7", Some(51)).await;
    says(&clone, "key-8", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_topic_is_read_at_once() {
    let parts = Parts::start(3).await;
    let (view, _) = followed(&parts, 10).await;
    read(&view).await;
    assert!(view.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_unread_and_not_ready_until_it_was_read_to_the_end() {
    let mut parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    emitter.emit(&greeted("key", 1)).await.unwrap();
    parts.registry.go_down().await;
    let (view, health) = followed(&parts, 10).await;
    until(&health, "the registry is away", is_away("registry")).await;
    until(&health, "the topic isn't read", is_away("greetings")).await;
    assert!(!view.is_read() && view.is_empty());
    parts.registry.come_back().await.unwrap();
    read(&view).await;
    assert_eq!(view.get("key").unwrap().number, 1);
    until(&health, "it is ready", is_ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_outlives_its_broker_being_away() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    emitter.emit(&greeted("key", 1)).await.unwrap();
    let (view, health) = followed(&parts, 10).await;
    read(&view).await;
    parts.broker.go_down().unwrap();
    until(&health, "Kafka is away", is_away("kafka")).await;
    assert_eq!(view.get("key").unwrap().number, 1);
    parts.broker.come_back().unwrap();
    until(&health, "Kafka is back", is_ready).await;
    emitter.emit(&greeted("key", 2)).await.unwrap();
    says(&view, "key", Some(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_leaves_a_key_as_it_was() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let source = "test".into();
    emitter.emit(&greeted("key", 1)).await.unwrap();
    let garbage: [&[u8]; 5] = [b"", b"garbage", b"\0\0\0\x27\x0fx", b"\0\0\0\0\x01", &[0xff; 40]];
    for payload in garbage {
        let event = greeted("key", 9);
        let mut record = emitter.encoders().record(&event, &Meta::new(&source)).unwrap();
        record.payload = Some(payload.to_vec());
        emitter.send_encoded(record).await.unwrap().await.unwrap();
    }
    // One of another type on the same topic, too.
    emitter.emit(&Parted { name: "key".into() }).await.unwrap();
    emitter.emit(&greeted("other", 2)).await.unwrap();
    let (view, _) = followed(&parts, 10).await;
    says(&view, "other", Some(2)).await;
    assert_eq!((view.get("key").unwrap().number, view.len()), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_version_wrote_is_read() {
    let parts = Parts::start(1).await;
    let registry = Registry::new(&parts.config).unwrap();
    let declared = Encoders::of("later").event::<GreetedLater>();
    let encoders = declared.register(&parts.config, &registry).await.unwrap();
    let emitter = Emitter::connect(&parts.config, encoders, EmitSettings::default()).await.unwrap();
    let later = GreetedLater { name: "key".into(), number: 3, mood: "good".into() };
    emitter.emit(&later).await.unwrap();
    let (view, _) = followed(&parts, 10).await;
    read(&view).await;
    assert_eq!(view.get("key").unwrap().number, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_its_bound_it_stays_on_what_it_has_and_says_so() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    for (number, key) in ["a", "b", "c"].into_iter().enumerate() {
        emitter.emit(&greeted(key, i64::try_from(number).unwrap())).await.unwrap();
    }
    let (view, health) = followed(&parts, 2).await;
    read(&view).await;
    until(&health, "the topic is named", is_away("greetings")).await;
    assert!(view.is_overfull());
    assert_eq!((view.len(), view.get("c")), (2, None));
    emitter.emit(&greeted("a", 9)).await.unwrap();
    says(&view, "a", Some(9)).await;
    let why = health.absence("greetings").unwrap().why;
    assert!(why.contains("2 keys"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_held_once_the_view_is_read_to_the_end_of_then() {
    let parts = Parts::start(3).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let (view, _) = followed(&parts, 1_000).await;
    let mut had_to_wait = 0;
    for number in 0..200 {
        let key = format!("key-{}", number % 7);
        emitter.emit(&greeted(&key, number)).await.unwrap();
        let partition = *view.partitions_of(&[&key]).first().unwrap();
        let end = view.end_of(partition).await.unwrap();
        let asked = async {
            while !view.is_read_to(partition, end) {
                had_to_wait += 1;
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(40), asked).await.expect("it is read");
        assert_eq!(view.get(&key).map(|event| event.number), Some(number));
    }
    assert!(had_to_wait > 0, "nothing was ever asked for before it was read");
}
