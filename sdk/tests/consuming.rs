use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use orderly_sdk::{
    EventId, OutRecord,
    consume::{
        BatchContext, BatchHandler, ConsumeError, Consumer, Context, Direct, Exhausted, Failure,
        Handler, Limits, Received, RetryPolicy,
    },
    emit::EmitSettings,
    event_set,
    kafka::{Probe, Tail},
};
use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::parts::{Greeted, Parted, Parts, Seen, greeted};

type Running = (CancellationToken, JoinHandle<Result<(), ConsumeError>>);

fn run<S: orderly_sdk::consume::Scope>(consumer: Consumer<S>) -> Running {
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let task = tokio::spawn(async move { consumer.run_until(stop.cancelled()).await });
    (shutdown, task)
}

async fn stop((shutdown, task): Running) -> Result<(), ConsumeError> {
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(20), task).await.expect("stops in time").unwrap()
}

fn quick() -> RetryPolicy {
    let (first_backoff, most_backoff) = (Duration::from_millis(5), Duration::from_millis(20));
    RetryPolicy { attempts: 3, first_backoff, most_backoff, exhausted: Exhausted::Stop }
}

/// Records what it sees; does to each what a function says.
struct Script<F> {
    seen: Seen<(i64, EventId)>,
    act: F,
}

impl<F: Fn(&Greeted, u32) -> Result<(), Failure> + Send + Sync + 'static> Handler<Greeted>
    for Script<F>
{
    async fn handle(&self, cx: &mut Context<'_>, event: Greeted) -> Result<(), Failure> {
        (self.act)(&event, cx.attempt())?;
        self.seen.add((event.number, cx.meta().id));
        Ok(())
    }
}

fn ok(_: &Greeted, _: u32) -> Result<(), Failure> {
    Ok(())
}

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
    for (shutdown, _) in &members {
        shutdown.cancel();
    }
    for member in members {
        stop(member).await.unwrap();
    }
    assert_eq!(seen.all().len(), 600);
    let lag = Probe::of_group(&parts.config, "group").unwrap().lag(&["greetings"]).await.unwrap();
    assert!(lag.iter().all(|p| p.records() == 0), "{lag:?}");
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
    let error = tokio::time::timeout(Duration::from_secs(20), task).await.unwrap().unwrap();
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
async fn what_cannot_be_decoded_goes_to_the_dead_letters_and_the_rest_goes_on() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let good = emitter.encoders().record(&greeted("k", 1), &orderly_sdk::Meta::new(&"t".into()));
    let good = good.unwrap();
    let bad = |payload: &[u8]| OutRecord { payload: Some(payload.to_vec()), ..good.clone() };
    let payload = good.payload.clone().unwrap();
    let truncated = bad(&payload[..payload.len() - 1]);
    let unknown_id = bad(&[0, 0, 0, 3, 231, 2, 65]);
    let records = [
        bad(b""),
        bad(b"hello"),
        truncated.clone(),
        unknown_id,
        bad(&[&payload[..], b"x"].concat()),
    ];
    let count = records.len();
    for record in records {
        emitter.send_encoded(record).await.unwrap().await.unwrap();
    }
    let last = emitter.send_encoded(good).await.unwrap().await.unwrap();

    let seen = Seen::default();
    let script = Script { seen: seen.clone(), act: ok };
    let policy = RetryPolicy { exhausted: Exhausted::Skip, ..quick() };
    let member = run(Consumer::new("group", &parts.config).retrying(policy).on::<Greeted>(script));
    seen.until("the good one", |all| all.len() == 1).await;
    assert_eq!(last.at.offset, i64::try_from(count).unwrap());

    let mut tail = Tail::from_start(&parts.config, &["group.dead-letters"]).await.unwrap();
    for offset in 0..count {
        let letter = tail.next().await.unwrap().unwrap();
        assert_eq!(letter.header_str("dead-letter.topic"), Some("greetings"));
        assert_eq!(letter.header_str("dead-letter.offset"), Some(offset.to_string().as_str()));
        assert_eq!(letter.header_str("dead-letter.group"), Some("group"));
        assert_eq!(letter.header_str("ce_type"), Some("test.Greeted"));
        assert_eq!(letter.key(), Some(b"k".as_slice()));
        if offset == 2 {
            assert_eq!(letter.payload(), truncated.payload.as_deref());
        }
    }
    stop(member).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_of_a_personal_topic_keeps_a_hash_and_no_value() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    emitter.emit(&greeted("k", 1)).await.unwrap();
    let act = |event: &Greeted, _: u32| {
        Err(Failure::reject(format_args!("{} lives in Elm Street", event.name)))
    };
    let script = Script { seen: Seen::default(), act };
    let member = run(Consumer::new("group", &parts.config)
        .keeping_private(["greetings".to_owned()])
        .on::<Greeted>(script));
    let mut tail = Tail::from_start(&parts.config, &["group.dead-letters"]).await.unwrap();
    let letter = tail.next().await.unwrap().unwrap();
    assert_eq!(letter.payload(), None);
    assert!(letter.header_str("dead-letter.sha256").is_some_and(|hash| hash.len() == 64));
    assert!(letter.headers().all(|(_, v)| !String::from_utf8_lossy(v).contains("Elm Street")));
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

event_set! {
    /// Everything on the topic.
    enum Anything { Greeted, Parted }
}

struct Batches {
    seen: Seen<Vec<i64>>,
}

impl BatchHandler<Anything> for Batches {
    async fn handle(
        &self,
        _: &mut BatchContext<'_>,
        events: &[Received<Anything>],
    ) -> Result<(), Failure> {
        let numbers: Vec<i64> = events
            .iter()
            .map(|received| match &received.event {
                Anything::Greeted(event) => event.number,
                Anything::Parted(_) => -1,
            })
            .collect();
        if numbers.contains(&13) {
            return Err(Failure::reject("unlucky"));
        }
        self.seen.add(numbers);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_record_is_cut_out_of_its_batch() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    for number in 0..20 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    emitter.emit(&Parted { name: "k".into() }).await.unwrap();
    let seen = Seen::default();
    let member = run(Consumer::new("group", &parts.config)
        .limited(Limits { batch_records: 8, ..Limits::default() })
        .in_batches::<Anything>(Batches { seen: seen.clone() }));
    let all = seen.until("all", |all| all.iter().flatten().any(|n| *n == -1)).await;
    let numbers: Vec<i64> = all.iter().flatten().copied().collect();
    let expected: Vec<i64> = (0..20).filter(|n| *n != 13).chain([-1]).collect();
    assert_eq!(numbers, expected);
    assert!(all.iter().all(|batch| batch.len() <= 8));
    let mut tail = Tail::from_start(&parts.config, &["group.dead-letters"]).await.unwrap();
    let letter = tail.next().await.unwrap().unwrap();
    assert_eq!(letter.header_str("dead-letter.offset"), Some("13"));
    assert_eq!(letter.header_str("dead-letter.error"), Some("unlucky"));
    stop(member).await.unwrap();
}

/// Waits at a gate before it is done.
struct Gated {
    gate: Arc<Semaphore>,
    entered: Seen<i64>,
    done: Seen<i64>,
}

impl Handler<Greeted> for Gated {
    async fn handle(&self, _: &mut Context<'_>, event: Greeted) -> Result<(), Failure> {
        self.entered.add(event.number);
        self.gate.acquire().await?.forget();
        self.done.add(event.number);
        Ok(())
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handler_pauses_its_partition_and_loses_nothing() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let (gate, entered, done) = (Arc::new(Semaphore::new(0)), Seen::default(), Seen::default());
    let gated = Gated { gate: Arc::clone(&gate), entered: entered.clone(), done: done.clone() };
    let limits = Limits { partition_records: 10, ..Limits::default() };
    let member = run(Consumer::new("group", &parts.config).limited(limits).on::<Greeted>(gated));
    for number in 0..500 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    entered.until("one is in hand", |all| all.len() == 1).await;
    gate.add_permits(500);
    let all = done.until("all", |all| all.len() == 500).await;
    assert_eq!(all, (0..500).collect::<Vec<_>>());
    stop(member).await.unwrap();
}
