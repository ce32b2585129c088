//! A member that keeps its session, and a reader without a group, that are given nothing of what a
//! partition holds.

use std::time::Duration;

use orderly_sdk::{
    Config,
    consume::{Consumer, Exhausted, Limits, RetryPolicy},
    emit::EmitSettings,
    kafka::Tail,
};

use crate::{
    members::{Script, ok, quick, run, stop},
    parts::{Greeted, Parts, Seen, greeted},
    wire::Wire,
};

/// Three records that nobody is given; and who reads there.
async fn unfetched() -> (Parts, Wire, Config) {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    for number in 0..3 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    let wire = Wire::before(&parts.broker).await;
    wire.hold_fetched(true);
    // Whenever it begins to read, it asks where the oldest record lies.
    let config = Config { from_first: false, ..wire.config(&parts.config) };
    (parts, wire, config)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_reads_anew_from_where_it_was_and_loses_nothing() {
    let (_parts, wire, config) = unfetched().await;
    // Nothing is ever given up, so no marks have to be fetched first.
    let stopping = RetryPolicy { rejected: Exhausted::Stop, ..quick() };
    let limits = Limits { silence: Duration::from_millis(100), ..Limits::default() };
    let seen = Seen::default();
    let script = Script { seen: seen.clone(), act: ok };
    let consumer = Consumer::new("group", &config).retrying(stopping).limited(limits);
    let member = run(consumer.on::<Greeted>(script));
    wire.until_offsets_are_asked("group", 2).await;

    wire.hold_fetched(false);
    let all = seen.until("all", |all| all.len() == 3).await;
    assert_eq!(all.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 1, 2]);
    stop(member).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_without_a_group_reads_anew_too() {
    let (_parts, wire, config) = unfetched().await;
    let mut tail = Tail::from_start(&config, &["greetings"]).await.unwrap();
    // Where it begins, then both ends, then where it begins anew.
    wire.until_offsets_are_asked("orderly-tail", 4).await;

    wire.hold_fetched(false);
    for offset in 0..3 {
        let read = tokio::time::timeout(Duration::from_secs(60), tail.next()).await;
        assert_eq!(read.unwrap().unwrap().unwrap().at().offset, offset);
    }
}
