//! Counts what a round has done: from its first record to its last, each once.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::Notify,
    time::{sleep_until, timeout},
};

use crate::{Error, round::Round};

/// Longest wait for a round's first record: joining the group, which isn't measured.
const FIRST: Duration = Duration::from_secs(60);

/// Shared by a round's handlers, or used by a bare loop alone: both pay for it.
pub(crate) struct Tally {
    expected: u64,
    done: AtomicU64,
    /// Of the numbers of those done: with the count it tells whether each was done once.
    sum: AtomicU64,
    begun: OnceLock<Instant>,
    ended: OnceLock<Instant>,
    has_begun: Notify,
    has_ended: Notify,
}

impl Tally {
    /// Of a set of records numbered from 0.
    pub(crate) fn of(expected: u64) -> Self {
        Self {
            expected,
            done: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            begun: OnceLock::new(),
            ended: OnceLock::new(),
            has_begun: Notify::new(),
            has_ended: Notify::new(),
        }
    }

    /// A record's handling begins.
    pub(crate) fn begin(&self) {
        if self.begun.get().is_none() {
            self.begun.get_or_init(Instant::now);
            self.has_begun.notify_one();
        }
    }

    /// A record is done.
    pub(crate) fn done(&self, number: u64) {
        self.sum.fetch_add(number, Ordering::Relaxed);
        if self.done.fetch_add(1, Ordering::AcqRel) + 1 == self.expected {
            self.ended.get_or_init(Instant::now);
            self.has_ended.notify_one();
        }
    }

    /// Whether all are done.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get().is_some()
    }

    /// Whether the first began longer than `limit` ago. Looks at the clock: not for every record.
    pub(crate) fn is_late(&self, limit: Duration) -> bool {
        self.begun.get().is_some_and(|begun| begun.elapsed() > limit)
    }

    /// Returns when all are done, or `limit` after the first began.
    pub(crate) async fn wait(&self, limit: Duration) -> Result<(), Error> {
        let begun = timeout(FIRST, self.has_begun.notified()).await;
        let begun = begun.ok().and_then(|()| self.begun.get());
        let Some(begun) = begun else {
            return Err(format!("no record came within {} s", FIRST.as_secs()).into());
        };
        tokio::select! {
            () = self.has_ended.notified() => {}
            () = sleep_until((*begun + limit).into()) => {}
        }
        Ok(())
    }

    /// What it came to. An error where records were done twice, or others than were there.
    pub(crate) fn round(&self) -> Result<Round, Error> {
        let begun = self.begun.get().ok_or("no record came")?;
        let records = self.done.load(Ordering::Acquire).min(self.expected);
        let Some(ended) = self.ended.get() else {
            return Ok(Round { records, seconds: begun.elapsed().as_secs_f64(), is_cut: true });
        };
        let all = self.expected * (self.expected - 1) / 2;
        let sum = self.sum.load(Ordering::Acquire);
        if sum != all {
            return Err(format!(
                "of {} records some were done twice or not at all: their numbers add up to {sum}, \
                 not to {all}",
                self.expected
            )
            .into());
        }
        Ok(Round { records, seconds: (*ended - *begun).as_secs_f64(), is_cut: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_done_twice_is_found() {
        let tally = Tally::of(3);
        tally.begin();
        for number in [0, 1, 1] {
            tally.done(number);
        }
        assert!(tally.round().is_err());
    }

    #[test]
    fn what_was_cut_says_so() {
        let tally = Tally::of(3);
        tally.begin();
        tally.done(2);
        let round = tally.round().unwrap();
        assert!(round.is_cut && round.records == 1);
    }
}
