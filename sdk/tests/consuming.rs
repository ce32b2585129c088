use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use orderly_sdk::{
    consume::{ConsumeError, Consumer, Context, Direct, Failure, Handler},
    emit::EmitSettings,
    kafka::{Probe, Tail},
};
use tokio::sync::Semaphore;

use crate::{
    members::{Gated, Running, Script, ok, quick, run, stop},
    parts::{Greeted, Parted, Parts, Seen, greeted},
};

#[tokio::test(flavor = "multi_thread")]
async fn two_members_share_the_partitions_and_see_every_event_once_in_order() {
    let parts = Parts::start(6).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let seen = Seen::default();
    let members: Vec<Running> = (0..2)
        .map(|_| {
            let script = Script { seen: seen.clone(), act: ok };
            run(Consumer::new("group", &parts.config).on::<Greeted>(script))
        })
        .collect();
    for number in 0..600 {
        emitter.emit(&greeted(&format!("key-{}", number % 30), number)).await.unwrap();
    }
    let all = seen.until("600 events", |all| all.len() >= 600).await;
    let mut last = HashMap::new();
    for (number, _) in &all {
        let before = last.insert(number % 30, *number);
        assert!(before.is_none_or(|before| before < *number), "{number} after {before:?}");
    }
    assert_eq!(all.iter().map(|(_, id)| id).collect::<HashSet<_>>().len(), 600);
    // Before they leave: the embedded broker refuses commits while a group changes.
    let probe = Probe::of_group(&parts.config, "group").unwrap();
    tokio::time::timeout(Duration::from_secs(90), async {
        while probe.lag(&["greetings"]).await.unwrap().iter().any(|p| p.records() > 0) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("what is done is committed");
    for (shutdown, _) in &members {
        shutdown.cancel();
    }
    for member in members {
        stop(member).await.unwrap();
    }
    assert_eq!(seen.all().len(), 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_restarts_goes_on_where_it_committed() {
    let parts = Parts::start(2).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let seen = Seen::default();
    for round in 0..3 {
        for number in 0..20 {
            emitter.emit(&greeted("k", round * 20 + number)).await.unwrap();
        }
        let script = Script { seen: seen.clone(), act: ok };
        let member = run(Consumer::new("group", &parts.config).on::<Greeted>(script));
        let until = usize::try_from((round + 1) * 20).unwrap();
        seen.until("this round's", |all| all.len() >= until).await;
        stop(member).await.unwrap();
    }
    let numbers: Vec<i64> = seen.all().into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, (0..60).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_record_is_tried_again_and_nothing_overtakes_it() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let seen = Seen::default();
    let act = |event: &Greeted, attempt| match (event.number, attempt) {
        (1, 1) => Err(Failure::retry("not yet")),
        (1, 2) => panic!("worse"),
        _ => Ok(()),
    };
    let script = Script { seen: seen.clone(), act };
    let member = run(Consumer::new("group", &parts.config).retrying(quick()).on::<Greeted>(script));
    for number in 0..4 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    let all = seen.until("four", |all| all.len() == 4).await;
    assert_eq!(all.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [0, 1, 2, 3]);
    stop(member).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_record_stops_the_consumer_by_name_and_is_not_passed_over() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let seen = Seen::default();
    let act = |event: &Greeted, _| {
        if event.number == 1 { Err(Failure::retry("never")) } else { Ok(()) }
    };
    let script = Script { seen: seen.clone(), act };
    let (_shutdown, task) =
        run(Consumer::new("group", &parts.config).retrying(quick()).on::<Greeted>(script));
    for number in 0..3 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    let error = tokio::time::timeout(Duration::from_secs(90), task).await.unwrap().unwrap();
    let Err(ConsumeError::Exhausted { at, attempts: 3, .. }) = error else { panic!("{error:?}") };
    assert_eq!(at.offset, 1);

    let script = Script { seen: seen.clone(), act: ok };
    let member = run(Consumer::new("group", &parts.config).on::<Greeted>(script));
    let all = seen.until("the rest", |all| all.len() == 3).await;
    assert_eq!(all.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [0, 1, 2]);
    stop(member).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unavailable_part_costs_no_attempt() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let seen = Seen::default();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let act = move |_: &Greeted, attempt| {
        assert_eq!(attempt, 1);
        match counted.fetch_add(1, Ordering::Relaxed) {
            0..12 => Err(Failure::unavailable("database", "away")),
            _ => Ok(()),
        }
    };
    let script = Script { seen: seen.clone(), act };
    let member = run(Consumer::new("group", &parts.config).retrying(quick()).on::<Greeted>(script));
    emitter.emit(&greeted("k", 7)).await.unwrap();
    seen.until("it goes at last", |all| all.len() == 1).await;
    assert_eq!(runs.load(Ordering::Relaxed), 13);
    stop(member).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn types_without_a_handler_are_passed_over_even_without_a_registry() {
    let mut parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    for number in 0..3 {
        emitter.emit(&Parted { name: "k".into() }).await.unwrap();
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    parts.registry.go_down().await;
    let seen = Seen::default();
    let script = Script { seen: seen.clone(), act: ok };
    let member = run(Consumer::new("group", &parts.config).retrying(quick()).on::<Greeted>(script));
    // Its own type waits for the registry, costing no attempt, and is done when that is back.
    parts.registry.come_back().await.unwrap();
    seen.until("three", |all| all.len() == 3).await;
    stop(member).await.unwrap();
}

/// Greets back, under another key.
struct Reply;

impl Handler<Greeted> for Reply {
    async fn handle(&self, cx: &mut Context<'_>, event: Greeted) -> Result<(), Failure> {
        cx.emit(&Parted { name: event.name })?;
        if cx.attempt() == 1 {
            return Err(Failure::retry("after it emitted"));
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_run_emitted_is_never_seen() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let cause = emitter.emit(&greeted("k", 1)).await.unwrap();
    let member = run(Consumer::new("group", &parts.config)
        .within(Direct::through(emitter.clone()))
        .emitting(emitter.encoders().clone())
        .retrying(quick())
        .on::<Greeted>(Reply));
    let mut tail = Tail::from_start(&parts.config, &["greetings"]).await.unwrap();
    let first = tail.next().await.unwrap().unwrap();
    let reply = tail.next().await.unwrap().unwrap();
    assert_eq!(first.header_str("ce_id"), Some(cause.event_id.to_string().as_str()));
    assert_eq!(reply.header_str("ce_type"), Some("test.Parted"));
    let trace = |record: &orderly_sdk::record::InRecord| {
        record.header_str("traceparent").unwrap().split('-').nth(1).unwrap().to_owned()
    };
    assert_eq!(trace(&first), trace(&reply));
    stop(member).await.unwrap();
    let (_, end) = Probe::new(&parts.config).unwrap().ends(&reply.at().partition).await.unwrap();
    assert_eq!(end, 2, "one greeting and one reply");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_is_in_hand_and_leaves_the_rest_to_the_next_member() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    for number in 0..5 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    let (gate, entered, done) = (Arc::new(Semaphore::new(0)), Seen::default(), Seen::default());
    let gated = || Gated { gate: Arc::clone(&gate), entered: entered.clone(), done: done.clone() };
    let (shutdown, task) = run(Consumer::new("group", &parts.config).on::<Greeted>(gated()));
    entered.until("the first is in hand", |all| all.len() == 1).await;
    shutdown.cancel();
    gate.add_permits(1);
    task.await.unwrap().unwrap();
    assert_eq!(done.all(), [0]);

    gate.add_permits(100);
    let member = run(Consumer::new("group", &parts.config).on::<Greeted>(gated()));
    done.until("the rest", |all| all.len() == 5).await;
    assert_eq!(done.all(), [0, 1, 2, 3, 4]);
    stop(member).await.unwrap();
}
