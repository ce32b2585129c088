//! A key that is given up is parked, what follows it follows it, and a redrive brings all of it
//! back in order: also over a restart.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use orderly_sdk::{
    consume::{
        Consumer, Context, DeadLetter, Exhausted, Failure, Handler, Parked, PassedOver,
        RetryPolicy, dead_letters, parked_keys, passed_over, request_passed_over, request_redrive,
    },
    emit::EmitSettings,
};

use crate::{
    members::{Running, quick, run, skipping, stop},
    parts::{Greeted, Parts, Seen, greeted},
};

/// Can't do one key as long as that is broken.
struct Delicate {
    is_broken: Arc<AtomicBool>,
    failed: Arc<AtomicUsize>,
    done: Seen<(String, i64)>,
}

impl Handler<Greeted> for Delicate {
    async fn handle(&self, _: &mut Context<'_>, event: Greeted) -> Result<(), Failure> {
        if event.name == "bad" && self.is_broken.load(Ordering::Relaxed) {
            self.failed.fetch_add(1, Ordering::Relaxed);
            return Err(Failure::retry("can't do this one"));
        }
        self.done.add((event.name, event.number));
        Ok(())
    }
}

struct Group {
    parts: Parts,
    is_broken: Arc<AtomicBool>,
    failed: Arc<AtomicUsize>,
    done: Seen<(String, i64)>,
}

impl Group {
    async fn start() -> Self {
        let (is_broken, done) = (Arc::new(AtomicBool::new(true)), Seen::default());
        Self { parts: Parts::start(1).await, is_broken, failed: Arc::default(), done }
    }

    fn member(&self) -> Running {
        self.member_with(RetryPolicy { exhausted: Exhausted::Park, ..quick() })
    }

    fn member_with(&self, policy: RetryPolicy) -> Running {
        let (is_broken, failed) = (Arc::clone(&self.is_broken), Arc::clone(&self.failed));
        let handler = Delicate { is_broken, failed, done: self.done.clone() };
        let consumer = Consumer::new("group", &self.parts.config).retrying(policy);
        run(consumer.on::<Greeted>(handler))
    }

    async fn emit(&self, events: impl IntoIterator<Item = (&str, i64)>) {
        let emitter = self.parts.emitter(EmitSettings::default()).await;
        for (name, number) in events {
            emitter.emit(&greeted(name, number)).await.unwrap();
        }
    }

    async fn parked(&self) -> Vec<Parked> {
        parked_keys(&self.parts.config, "group").await.unwrap()
    }

    async fn letters(&self) -> Vec<(i64, bool, u32)> {
        let mut all = Vec::new();
        let each = |letter: DeadLetter| {
            all.push((letter.source.offset, letter.is_parked, letter.attempts));
        };
        dead_letters(&self.parts.config, "group", each).await.unwrap();
        all
    }

    /// Waits until the group's dead letters are as many.
    async fn until_letters(&self, count: usize) {
        let waiting = async {
            while self.letters().await.len() < count {
                tokio::task::yield_now().await;
            }
        };
        let patience = std::time::Duration::from_secs(90);
        tokio::time::timeout(patience, waiting).await.expect("they come");
    }

    /// Waits until no key is parked: a redrive tells its end after the last record's.
    async fn until_none_is_parked(&self) {
        let waiting = async {
            while !self.parked().await.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        let patience = std::time::Duration::from_secs(90);
        tokio::time::timeout(patience, waiting).await.expect("it is unparked");
    }

    /// Waits until its handler has failed so often.
    async fn until_tried(&self, times: usize) {
        let waiting = async {
            while self.failed.load(Ordering::Relaxed) < times {
                tokio::task::yield_now().await;
            }
        };
        let patience = std::time::Duration::from_secs(90);
        tokio::time::timeout(patience, waiting).await.expect("they are tried");
    }

    /// Waits until no redrive of what was skipped is under way.
    async fn until_over(&self) {
        let waiting = async {
            let is_under_way = |skipped: &PassedOver| skipped.is_redriving;
            while passed_over(&self.parts.config, "group").await.unwrap().iter().any(is_under_way) {
                tokio::task::yield_now().await;
            }
        };
        let patience = std::time::Duration::from_secs(90);
        tokio::time::timeout(patience, waiting).await.expect("it comes to its end");
    }

    fn done_of(&self, key: &str) -> Vec<i64> {
        let all = self.done.all();
        all.into_iter().filter(|(name, _)| name == key).map(|(_, number)| number).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_key_is_followed_and_a_redrive_brings_it_back_in_order() {
    let group = Group::start().await;
    let member = group.member();
    group.emit([("bad", 1), ("good", 1), ("bad", 2), ("good", 2), ("bad", 3)]).await;
    group.done.until("others go on", |all| all.len() == 2).await;
    group.until_letters(3).await;
    assert_eq!(group.letters().await, [(0, true, 3), (2, true, 0), (4, true, 0)]);
    let [parked] = &group.parked().await[..] else { panic!("one is parked") };
    assert_eq!((&*parked.key, parked.next, parked.laps), (b"bad".as_slice(), 0, 0));
    assert_eq!(parked.error, "can't do this one");

    group.is_broken.store(false, Ordering::Relaxed);
    request_redrive(&group.parts.config, "group", parked).await.unwrap();
    group.emit((4..40).map(|number| ("bad", number))).await;
    group.done.until("all of it", |all| all.len() == 2 + 39).await;
    assert_eq!(group.done_of("bad"), (1..40).collect::<Vec<_>>());
    group.emit([("bad", 40)]).await;
    group.done.until("as if nothing had been", |all| all.len() == 3 + 39).await;
    group.until_none_is_parked().await;
    stop(member).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stays_parked_over_a_restart_and_a_redrive_that_fails_is_a_lap() {
    let group = Group::start().await;
    let first = group.member();
    group.emit([("bad", 1)]).await;
    group.until_letters(1).await;
    stop(first).await.unwrap();

    let second = group.member();
    group.emit([("bad", 2), ("good", 1)]).await;
    group.done.until("others go on", |all| all.len() == 1).await;
    group.until_letters(2).await;
    let parked = group.parked().await.remove(0);
    request_redrive(&group.parts.config, "group", &parked).await.unwrap();
    let patience = std::time::Duration::from_secs(90);
    let lap = async {
        loop {
            let parked = group.parked().await.remove(0);
            if parked.laps == 1 && !parked.is_redriving {
                return parked;
            }
            tokio::task::yield_now().await;
        }
    };
    let parked = tokio::time::timeout(patience, lap).await.expect("it fails again");
    assert_eq!(parked.next, 0);

    group.is_broken.store(false, Ordering::Relaxed);
    request_redrive(&group.parts.config, "group", &parked).await.unwrap();
    group.done.until("both", |all| all.len() == 3).await;
    assert_eq!(group.done_of("bad"), [1, 2]);
    stop(second).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_skipped_is_done_when_asked_for_and_only_once() {
    let group = Group::start().await;
    let member = group.member_with(skipping());
    group.emit([("bad", 1), ("good", 1), ("bad", 2)]).await;
    group.done.until("others go on", |all| all.len() == 1).await;
    group.until_letters(2).await;

    // Still broken: it fails again, and stays for the next time.
    let left = || async { passed_over(&group.parts.config, "group").await.unwrap() };
    let [skipped] = &left().await[..] else { panic!("of one partition") };
    assert_eq!((skipped.letters, skipped.is_redriving), (2, false));
    let (config, at) = (&group.parts.config, &skipped.at);
    request_passed_over(config, "group", at).await.unwrap();
    group.until_tried(2 * 3 + 2 * 3).await;
    group.until_over().await;
    request_passed_over(config, "group", at).await.unwrap();
    group.until_tried(2 * 3 + 2 * 3 + 2 * 3).await;
    group.until_over().await;
    group.is_broken.store(false, Ordering::Relaxed);
    stop(member).await.unwrap();

    // Another member does them; asked for again, there is nothing left.
    let member = group.member_with(skipping());
    request_passed_over(config, "group", at).await.unwrap();
    group.done.until("both", |all| all.len() == 3).await;
    group.until_over().await;
    request_passed_over(config, "group", at).await.unwrap();
    group.emit([("bad", 3), ("good", 2)]).await;
    group.done.until("new ones", |all| all.len() == 5).await;
    stop(member).await.unwrap();
    assert_eq!(group.done_of("bad"), [1, 2, 3]);
    assert_eq!(left().await, []);
}
