//! What runs of handlers take, lately: short ones go together, and those that end at once needn't
//! leave the thread that polls.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// What a bundle is to take, where its handlers don't wait.
const BUNDLE_NANOS: u64 = 200_000;
/// Most keys of a bundle.
pub(super) const LARGEST_BUNDLE: usize = 64;
/// So quick is what costs less than handing it over. Without optimisation everything takes long.
const QUICK_NANOS: u64 = if cfg!(debug_assertions) { 1_000_000 } else { 30_000 };
/// Runs in a row that ended at once, until that is relied on.
const QUICK_RUNS: u64 = 256;

/// Of all handlers of a member.
#[derive(Default)]
pub(super) struct Pace {
    /// Of a run, on average.
    nanos: AtomicU64,
    /// Runs since one waited for something.
    at_once: AtomicU64,
}

impl Pace {
    /// So many runs ended in that time without waiting, on the thread that polls.
    pub(super) fn ran_at_once(&self, runs: u64, took: Duration) {
        self.average(runs, took);
        self.at_once.fetch_add(runs, Relaxed);
        if self.nanos.load(Relaxed) > QUICK_NANOS {
            self.waited();
        }
    }

    /// The same on other threads. What these take while that one is busy says little: mostly they wait
    /// for a processor.
    pub(super) fn ran(&self, runs: u64, took: Duration) {
        if !self.is_quick() {
            self.average(runs, took);
            self.at_once.fetch_add(runs, Relaxed);
        }
    }

    fn average(&self, runs: u64, took: Duration) {
        let Some(lately) = took.as_nanos().checked_div(runs.into()) else { return };
        let lately = u64::try_from(lately).unwrap_or(u64::MAX);
        let nanos = self.nanos.load(Relaxed);
        self.nanos.store(nanos - nanos / 8 + lately / 8, Relaxed);
    }

    /// One waited for something.
    pub(super) fn waited(&self) {
        self.at_once.store(0, Relaxed);
    }

    /// How many keys to put into a bundle.
    pub(super) fn bundle(&self) -> usize {
        let nanos = self.nanos.load(Relaxed).max(1);
        usize::try_from(BUNDLE_NANOS / nanos).unwrap_or(1).clamp(1, LARGEST_BUNDLE)
    }

    /// Whether a run is likely to end at once, and soon.
    pub(super) fn is_quick(&self) -> bool {
        self.at_once.load(Relaxed) >= QUICK_RUNS && self.nanos.load(Relaxed) < QUICK_NANOS
    }
}
