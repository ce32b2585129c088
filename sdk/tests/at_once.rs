//! Handlers that end at once are run by the thread that polls; those that don't, and those that fail,
//! leave it without their key losing its order.

use std::{collections::HashMap, thread, time::Duration};

use orderly_sdk::{
    consume::{Consumer, Context, Exhausted, Failure, Handler, Limits, RetryPolicy},
    emit::EmitSettings,
    kafka::Tail,
};

use crate::{
    members::{quick, run, stop},
    parts::{Greeted, Parts, Seen, greeted},
};

/// Events emitted together, all done before more are: a handler that waited or took long ends it for
/// those that came with it, and for the next 256.
const WAVE: i64 = 200;
/// So many are to be done at once, of at most so many.
const ENOUGH: i64 = 2_000;
const MOST: i64 = 40_000;
const KEYS: i64 = 40;
/// Of a key of its own, and never done.
const STUCK: i64 = 1_000_000;

/// Ends at once, mostly.
struct Mostly {
    /// What was done: its number, and whether the thread that polls did it.
    done: Seen<(i64, bool)>,
}

impl Handler<Greeted> for Mostly {
    async fn handle(&self, cx: &mut Context<'_>, event: Greeted) -> Result<(), Failure> {
        let is_first = cx.attempt() == 1;
        match event.number {
            STUCK => std::future::pending().await,
            // Now and then only: one that waits ends it for the next 256.
            n if n % 1_300 == 700 => tokio::time::sleep(Duration::from_millis(20)).await,
            n if n % 701 == 0 && is_first => return Err(Failure::retry("once more")),
            n if n % 907 == 0 && is_first => panic!("once"),
            n if n % 1_301 == 0 => return Err(Failure::reject("never")),
            _ => {}
        }
        let is_polling = thread::current().name().is_some_and(|name| name == "orderly-group");
        self.done.add((event.number, is_polling));
        Ok(())
    }
}

/// How many the thread that polls did.
fn at_once(all: &[(i64, bool)]) -> i64 {
    i64::try_from(all.iter().filter(|(_, is_polling)| *is_polling).count()).unwrap()
}

fn is_rejected(number: i64) -> bool {
    number % 1_301 == 0
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_at_once_fails_or_waits_without_losing_a_keys_order() {
    let parts = Parts::start(3).await;
    let emitter = parts.emitter(EmitSettings::default()).await;
    let done = Seen::default();
    let retry = RetryPolicy { attempts: 3, exhausted: Exhausted::Stop, ..quick() };
    let limits = Limits { drain: Duration::from_millis(200), ..Limits::default() };
    let handler = Mostly { done: done.clone() };
    let member = run(Consumer::new("group", &parts.config)
        .limited(limits)
        .retrying(retry)
        .on::<Greeted>(handler));
    let (mut sent, mut all) = (0, Vec::new());
    // As many as it takes: on a busy machine nothing looks quick for a while.
    while at_once(&all) < ENOUGH && sent < MOST {
        let mut pending = Vec::new();
        for number in sent..sent + WAVE {
            let event = greeted(&format!("key-{}", number % KEYS), number);
            let meta = orderly_sdk::Meta::new(&"test".into());
            pending.push(emitter.send(&event, &meta).await.unwrap());
        }
        for outcome in pending {
            outcome.await.unwrap();
        }
        sent += WAVE;
        let expected = (0..sent).filter(|number| !is_rejected(*number)).count();
        all = done.until("all but the rejected", |all| all.len() >= expected).await;
    }
    let expected = all.len();
    // One that never ends holds up none of another key, and is let go when the member leaves.
    emitter.emit(&greeted("stuck", STUCK)).await.unwrap();
    emitter.emit(&greeted("key-0", STUCK + 1)).await.unwrap();
    done.until("another key's", |all| all.len() == expected + 1).await;
    stop(member).await.unwrap();

    let mut last = HashMap::new();
    for (number, _) in &all {
        let before = last.insert(number % KEYS, *number);
        assert!(before.is_none_or(|before| before < *number), "{number} after {before:?}");
    }
    assert_eq!(expected, (0..sent).filter(|number| !is_rejected(*number)).count());
    let at_once = at_once(&all);
    assert!(at_once >= ENOUGH, "only {at_once} of {sent} were done by the thread that polls");
    let mut letters = Tail::from_start(&parts.config, &["group.dead-letters"]).await.unwrap();
    for _ in 0..(0..sent).filter(|number| is_rejected(*number)).count() {
        let letter = letters.next().await.unwrap().unwrap();
        assert_eq!(letter.header_str("dead-letter.error"), Some("never"));
    }
}
