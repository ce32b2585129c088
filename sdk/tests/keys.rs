//! Different keys side by side, each in order; and what is kept of that over a restart.

use std::{sync::Arc, time::Duration};

use orderly_sdk::{
    Meta,
    consume::{Consumer, Context, Failure, Handler, Limits},
    emit::EmitSettings,
    kafka::Probe,
};
use tokio::sync::{Barrier, Semaphore};

use crate::{
    members::{Script, quick, run, stop},
    parts::{Greeted, Parts, Seen, greeted},
};

/// Goes on when as many are here as the barrier asks for.
struct Together {
    barrier: Arc<Barrier>,
    done: Seen<(String, i64)>,
}

impl Handler<Greeted> for Together {
    async fn handle(&self, _: &mut Context<'_>, event: Greeted) -> Result<(), Failure> {
        self.barrier.wait().await;
        self.done.add((event.name, event.number));
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_one_partition_run_side_by_side_and_each_in_order() {
    const KEYS: usize = 8;
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    for number in 0..5 {
        for key in 0..KEYS {
            emitter.emit(&greeted(&format!("key-{key}"), number)).await.unwrap();
        }
    }
    let done = Seen::default();
    // Nobody goes on before all keys run at once; with one more it would never end.
    let together = Together { barrier: Arc::new(Barrier::new(KEYS)), done: done.clone() };
    let limits = Limits { concurrency: KEYS, ..Limits::default() };
    let member = run(Consumer::new("group", &parts.config).limited(limits).on::<Greeted>(together));
    let all = done.until("all", |all| all.len() == 5 * KEYS).await;
    for key in 0..KEYS {
        let name = format!("key-{key}");
        let of_key: Vec<i64> =
            all.iter().filter(|(of, _)| *of == name).map(|(_, number)| *number).collect();
        assert_eq!(of_key, [0, 1, 2, 3, 4]);
    }
    stop(member).await.unwrap();
}

/// Holds up one key.
struct Stuck {
    gate: Arc<Semaphore>,
    entered: Seen<(String, i64)>,
    done: Seen<(String, i64)>,
}

impl Handler<Greeted> for Stuck {
    async fn handle(&self, _: &mut Context<'_>, event: Greeted) -> Result<(), Failure> {
        self.entered.add((event.name.clone(), event.number));
        if event.name == "stuck" {
            self.gate.acquire().await?.forget();
        }
        self.done.add((event.name, event.number));
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_key_delays_only_itself_and_a_restart_repeats_nothing_that_was_done() {
    const OTHERS: usize = 3_000;
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    emitter.emit(&greeted("stuck", 1)).await.unwrap();
    for number in 0..OTHERS {
        let event = greeted(&format!("key-{}", number % 50), i64::try_from(number).unwrap());
        drop(emitter.send(&event, &Meta::new(&"test".into())).await.unwrap());
    }
    emitter.emit(&greeted("stuck", 2)).await.unwrap();
    let (gate, entered, done) = (Arc::new(Semaphore::new(0)), Seen::default(), Seen::default());
    let member = |done: &Seen<_>| {
        let handler =
            Stuck { gate: Arc::clone(&gate), entered: entered.clone(), done: done.clone() };
        // Not drained: what is stuck is cancelled.
        let limits = Limits { drain: Duration::from_millis(50), ..Limits::default() };
        run(Consumer::new("group", &parts.config).limited(limits).on::<Greeted>(handler))
    };
    let first = member(&done);
    done.until("all others", |all| all.len() == OTHERS).await;
    stop(first).await.unwrap();
    let probe = Probe::of_group(&parts.config, "group").unwrap();
    let committed = probe.lag(&["greetings"]).await.unwrap()[0].committed;
    assert_eq!(committed, Some(0), "the stuck one isn't passed");

    let again = Seen::default();
    gate.add_permits(2);
    let second = member(&again);
    let all = again.until("the stuck ones", |all| all.len() >= 2).await;
    assert_eq!(all, [("stuck".to_owned(), 1), ("stuck".to_owned(), 2)]);
    emitter.emit(&greeted("one more", 3)).await.unwrap();
    let all = again.until("one more", |all| all.iter().any(|(_, number)| *number == 3)).await;
    assert_eq!(all.len(), 3, "nothing that was done is done again: {all:?}");
    stop(second).await.unwrap();
    let left = probe.lag(&["greetings"]).await.unwrap()[0].records();
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_is_tried_again_and_one_that_never_returns_is_cut_off() {
    let parts = Parts::start(1).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    for number in 0..3 {
        emitter.emit(&greeted("k", number)).await.unwrap();
    }
    let seen = Seen::default();
    let act = |event: &Greeted, attempt: u32| {
        assert!(event.number != 1 || attempt > 1, "panics once");
        Ok(())
    };
    let script = Script { seen: seen.clone(), act };
    let endless = Endless { attempts: Seen::default(), inner: script };
    let attempts = endless.attempts.clone();
    let limits = Limits { handler_timeout: Some(Duration::from_millis(200)), ..Limits::default() };
    let consumer = Consumer::new("group", &parts.config).limited(limits).retrying(quick());
    let member = run(consumer.on::<Greeted>(endless));
    let all = seen.until("all three", |all| all.len() == 3).await;
    assert_eq!(all.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(attempts.all(), [(0, 1), (1, 1), (1, 2), (2, 1), (2, 2)]);
    stop(member).await.unwrap();
}

/// Never returns from the first attempt at number 2.
struct Endless<F> {
    attempts: Seen<(i64, u32)>,
    inner: Script<F>,
}

impl<F: Fn(&Greeted, u32) -> Result<(), Failure> + Send + Sync + 'static> Handler<Greeted>
    for Endless<F>
{
    async fn handle(&self, cx: &mut Context<'_>, event: Greeted) -> Result<(), Failure> {
        self.attempts.add((event.number, cx.attempt()));
        if event.number == 2 && cx.attempt() == 1 {
            std::future::pending::<()>().await;
        }
        self.inner.handle(cx, event).await
    }
}
