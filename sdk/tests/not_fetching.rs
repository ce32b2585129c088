//! A member that keeps its session, and is given nothing of what its partition holds.

use std::time::Duration;

use orderly_sdk::{
    Config,
    consume::{Consumer, Exhausted, Limits, RetryPolicy},
    emit::EmitSettings,
};

use crate::{
    members::{Script, ok, quick, run, stop},
    parts::{Greeted, Parts, Seen, greeted},
    wire::Wire,
};

#[tokio::test(flavor = "multi_thread")]
async fn it_reads_anew_from_where_it_was_and_loses_nothing() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    for number in 0..3 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    let wire = Wire::before(&parts.broker).await;
    wire.hold_fetched(true);
    // Whenever it begins to read, it asks where the oldest record lies.
    let config = Config { from_first: false, ..wire.config(&parts.config) };
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
