//! A cluster that names no brokers for a while, as one does whose only broker, just back, isn't let in
//! yet: its clients forget the broker, and find back to it.

use std::time::{Duration, Instant};

use orderly_sdk::{
    Config,
    consume::Consumer,
    emit::{EmitSettings, Emitter},
    kafka::{Probe, Tail},
    record::TopicPartition,
};

use crate::{
    members::{Script, ok, run, stop},
    parts::{Greeted, Parts, Seen, greeted},
    wire::Wire,
};

const SOON: Duration = Duration::from_secs(20);
/// The second time, who asks has forgotten the broker.
const TIMES: usize = 2;

/// One that asks often for its topics' metadata.
fn curious(parts: &Parts, wire: &Wire) -> Config {
    wire.config(&parts.config)
        .with_property("topic.metadata.refresh.interval.ms", "200")
        .with_property("metadata.max.age.ms", "1000")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emitter_finds_back() {
    let parts = Parts::start(1).await;
    let wire = Wire::before(&parts.broker).await;
    let (config, encoders) = (curious(&parts, &wire), parts.encoders("test").await);
    let emitter = Emitter::connect(&config, encoders, EmitSettings::default()).await.unwrap();
    emitter.emit(&greeted("k", 1)).await.unwrap();
    wire.name_no_brokers(TIMES).await;
    emitter.emit(&greeted("k", 2)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_finds_back() {
    let parts = Parts::start(1).await;
    let wire = Wire::before(&parts.broker).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let config = curious(&parts, &wire);
    let mut tail = Tail::from_start(&config, &["greetings"]).await.unwrap();
    emitter.emit(&greeted("k", 1)).await.unwrap();
    tail.next().await.unwrap().unwrap();
    wire.name_no_brokers(TIMES).await;
    emitter.emit(&greeted("k", 2)).await.unwrap();
    tokio::time::timeout(SOON, tail.next()).await.unwrap().unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_finds_back() {
    let parts = Parts::start(1).await;
    let wire = Wire::before(&parts.broker).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let seen = Seen::default();
    let script = Script { seen: seen.clone(), act: ok };
    let config = curious(&parts, &wire);
    let member = run(Consumer::new("group", &config).on::<Greeted>(script));
    emitter.emit(&greeted("k", 1)).await.unwrap();
    seen.until("the first", |all| all.len() == 1).await;
    wire.name_no_brokers(2 * TIMES).await;
    emitter.emit(&greeted("k", 2)).await.unwrap();
    seen.until("the second", |all| all.len() == 2).await;
    stop(member).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_finds_back() {
    let parts = Parts::start(1).await;
    let wire = Wire::before(&parts.broker).await;
    let probe = Probe::new(&curious(&parts, &wire)).unwrap();
    assert_eq!(probe.partitions("greetings").await.unwrap(), 1);
    let (_, asked) = tokio::join!(wire.name_no_brokers(1), probe.partitions("greetings"));
    drop(asked);
    let at = TopicPartition { topic: "greetings".into(), partition: 0 };
    let deadline = Instant::now() + SOON;
    while let Err(error) = probe.ends(&at).await {
        assert!(Instant::now() < deadline, "{error}");
    }
}
