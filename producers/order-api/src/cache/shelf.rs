//! Answers by order and reader, each with when it was asked for: also one that isn't there yet, so that
//! all who want it wait for the same. Bounded in entries and bytes.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::future::{BoxFuture, Shared};
use tokio::time::Instant;

use super::{FRESH, Found};

/// An answer, or the way to it.
pub(super) type Answer = Shared<BoxFuture<'static, Found>>;

pub(super) struct Shelf {
    inner: Mutex<Inner>,
    most_entries: usize,
    most_bytes: usize,
}

#[derive(Default)]
struct Inner {
    by_order: HashMap<Box<str>, Vec<Entry>>,
    /// All of them by when they were asked for; what is gone before its turn is still here.
    by_age: VecDeque<(Instant, Box<str>, u64)>,
    entries: usize,
    bytes: usize,
    last: u64,
}

struct Entry {
    number: u64,
    whose: Box<str>,
    asked_at: Instant,
    bytes: usize,
    answer: Answer,
}

/// Whether it was asked for already.
pub(super) enum Asked {
    Before(Answer),
    Now(Answer),
}

impl Shelf {
    pub(super) fn new(most_entries: usize, most_bytes: usize) -> Self {
        Self { inner: Mutex::default(), most_entries, most_bytes }
    }

    /// What was asked for a moment ago, else what `ask` begins, given a number that it is known by.
    pub(super) fn take_or_ask(
        &self,
        id: &str,
        whose: &str,
        now: Instant,
        ask: impl FnOnce(u64) -> Answer,
    ) -> Asked {
        let mut inner = self.lock();
        let found = inner.by_order.get(id).and_then(|entries| {
            let is_fresh = |entry: &&Entry| {
                *entry.whose == *whose && now.saturating_duration_since(entry.asked_at) < FRESH
            };
            entries.iter().rev().find(is_fresh)
        });
        if let Some(entry) = found {
            return Asked::Before(entry.answer.clone());
        }
        inner.last += 1;
        let number = inner.last;
        let answer = ask(number);
        let entry = Entry {
            number,
            whose: whose.into(),
            asked_at: now,
            // Its names, and what surrounds it.
            bytes: id.len() * 2 + whose.len() + ENTRY,
            answer: answer.clone(),
        };
        inner.bytes += entry.bytes;
        inner.entries += 1;
        inner.by_age.push_back((now, id.into(), number));
        inner.by_order.entry(id.into()).or_default().push(entry);
        inner.make_room(now, self.most_entries, self.most_bytes);
        Asked::Now(answer)
    }

    /// It is there, and takes so many bytes.
    pub(super) fn keep_answer(&self, id: &str, whose: &str, number: u64, bytes: usize) {
        let mut inner = self.lock();
        let entries = inner.by_order.get_mut(id);
        let is_it = |entry: &&mut Entry| entry.number == number && *entry.whose == *whose;
        let Some(entry) = entries.and_then(|entries| entries.iter_mut().find(is_it)) else {
            return;
        };
        entry.bytes += bytes;
        inner.bytes += bytes;
        inner.make_room(Instant::now(), self.most_entries, self.most_bytes);
    }

    /// Nobody else is to get it.
    pub(super) fn drop_answer(&self, id: &str, number: u64) {
        self.lock().remove(id, |entry| entry.number == number);
    }

    pub(super) fn forget(&self, id: &str) {
        self.lock().remove(id, |_| true);
    }

    /// Entries and bytes.
    #[cfg(test)]
    fn size(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.entries, inner.bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an entry takes beside its texts, about.
const ENTRY: usize = 512;

impl Inner {
    fn make_room(&mut self, now: Instant, most_entries: usize, most_bytes: usize) {
        while let Some((asked_at, _, _)) = self.by_age.front() {
            let is_old = now.saturating_duration_since(*asked_at) >= FRESH;
            let is_full = self.entries > most_entries
                || self.bytes > most_bytes
                // What was forgotten or dropped still has its place here.
                || self.by_age.len() > most_entries.saturating_mul(2);
            if !is_old && !is_full {
                return;
            }
            if let Some((_, id, number)) = self.by_age.pop_front() {
                self.remove(&id, |entry| entry.number == number);
            }
        }
    }

    fn remove(&mut self, id: &str, is_it: impl Fn(&Entry) -> bool) {
        let Some(entries) = self.by_order.get_mut(id) else { return };
        let (mut count, mut bytes) = (0, 0);
        entries.retain(|entry| {
            let stays = !is_it(entry);
            if !stays {
                count += 1;
                bytes += entry.bytes;
            }
            stays
        });
        if entries.is_empty() {
            self.by_order.remove(id);
        }
        self.entries -= count;
        self.bytes -= bytes;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{sync::Arc, time::Duration};

    use futures::FutureExt as _;

    use super::{super::Shown, *};

    fn answer(bytes: usize) -> Answer {
        let shown = Arc::new(Shown::of(vec![b'x'; bytes].into()));
        async move { Ok(Some(shown)) }.boxed().shared()
    }

    /// Whether it had to be asked.
    fn asks(shelf: &Shelf, id: &str, whose: &str, now: Instant, bytes: usize) -> bool {
        let asked = shelf.take_or_ask(id, whose, now, |_| answer(bytes));
        if let Asked::Now(_) = &asked {
            let number = shelf.lock().last;
            shelf.keep_answer(id, whose, number, bytes);
        }
        matches!(asked, Asked::Now(_))
    }

    fn drop_last(shelf: &Shelf, id: &str) {
        let last = shelf.lock().last;
        shelf.drop_answer(id, last);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_given_until_it_is_too_old_and_only_to_whom_it_was_for() {
        let (shelf, begun) = (Shelf::new(10, 1 << 20), Instant::now());
        assert!(asks(&shelf, "a", "", begun, 5));
        assert!(!asks(&shelf, "a", "", begun + FRESH / 2, 5));
        assert!(asks(&shelf, "a", "ada", begun, 5));
        assert!(asks(&shelf, "b", "", begun, 5));
        let old = begun + FRESH;
        tokio::time::advance(FRESH).await;
        assert!(asks(&shelf, "a", "", old, 5));
        assert!(!asks(&shelf, "a", "", old + Duration::from_millis(1), 5));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_forgotten_or_dropped_is_asked_for_anew() {
        let (shelf, now) = (Shelf::new(10, 1 << 20), Instant::now());
        assert!(asks(&shelf, "a", "", now, 5) && asks(&shelf, "a", "ada", now, 5));
        shelf.forget("a");
        assert_eq!(shelf.size(), (0, 0));
        assert!(asks(&shelf, "a", "", now, 5));
        shelf.drop_answer("a", 1);
        assert!(!asks(&shelf, "a", "", now, 5), "another one was dropped");
        drop_last(&shelf, "a");
        assert!(asks(&shelf, "a", "", now, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn it_stays_within_its_bounds_and_lets_the_oldest_go() {
        let (shelf, now) = (Shelf::new(10, 100_000), Instant::now());
        for number in 0..1_000 {
            asks(&shelf, &number.to_string(), "", now, 10);
            let (entries, bytes) = shelf.size();
            assert!(entries <= 10 && bytes <= 100_000, "{entries} {bytes}");
        }
        assert!(!asks(&shelf, "999", "", now, 10) && !asks(&shelf, "990", "", now, 10));
        assert!(asks(&shelf, "989", "", now, 10));
        for number in 0..100 {
            asks(&shelf, &format!("large-{number}"), "", now, 60_000);
            assert!(shelf.size().1 <= 100_000, "{:?}", shelf.size());
        }
        assert_eq!(shelf.size().0, 1);
        // Not even one that is too large alone is kept.
        asks(&shelf, "huge", "", now, 200_000);
        assert_eq!(shelf.size(), (0, 0));
        for number in 0..1_000 {
            asks(&shelf, "again", "", now, 10);
            drop_last(&shelf, "again");
            assert!(shelf.lock().by_age.len() <= 21, "{number}");
        }
    }
}
