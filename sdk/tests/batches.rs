use orderly_sdk::{
    consume::{
        BatchContext, BatchHandler, ConsumeError, Consumer, Failure, Limits, Received, RetryPolicy,
    },
    emit::EmitSettings,
    event_set,
    kafka::Tail,
};

use crate::{
    members::{end, quick, run, skipping, stop},
    parts::{Greeted, Parted, Parts, Seen, greeted},
};

event_set! {
    /// Everything on the topic.
    pub enum Anything { Greeted, Parted }
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
        .retrying(skipping())
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

event_set! {
    /// Greetings alone.
    enum Greetings { Greeted }
}

/// Fails on every batch with a number from this one on.
struct Refusing {
    from: i64,
    done: Seen<i64>,
}

impl BatchHandler<Greetings> for Refusing {
    async fn handle(
        &self,
        _: &mut BatchContext<'_>,
        events: &[Received<Greetings>],
    ) -> Result<(), Failure> {
        let numbers =
            || events.iter().map(|Received { event: Greetings::Greeted(e), .. }| e.number);
        if numbers().any(|number| number >= self.from) {
            return Err(Failure::retry("not this one"));
        }
        numbers().for_each(|number| self.done.add(number));
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_without_its_effect_is_done_again_and_those_before_it_are_not() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    for number in 0..16 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    let consumer = |handler| {
        Consumer::new("group", &parts.config)
            .limited(Limits { batch_records: 8, ..Limits::default() })
            .retrying(RetryPolicy { attempts: 2, ..quick() })
            .in_batches::<Greetings>(handler)
    };
    let first = Seen::default();
    let ended = end(run(consumer(Refusing { from: 8, done: first.clone() }))).await;
    let Err(ConsumeError::Exhausted { at, attempts: 2, .. }) = ended else { panic!("{ended:?}") };
    let first = first.all();
    assert!(!first.is_empty());
    assert_eq!(at.offset, i64::try_from(first.len()).unwrap());

    let second = Seen::default();
    let member = run(consumer(Refusing { from: i64::MAX, done: second.clone() }));
    let second = second.until("the last", |all| all.contains(&15)).await;
    assert_eq!([first, second].concat(), (0..16).collect::<Vec<_>>());
    stop(member).await.unwrap();
}
