//! How often and how long apart a record is tried, and what then becomes of it.

use std::time::Duration;

/// How a record that failed is tried again.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// Runs of the handler on one record before it counts as exhausted; an unavailable part costs
    /// none.
    pub attempts: u32,
    /// Wait before the second run; each later one is twice as long.
    pub first_backoff: Duration,
    /// Longest wait.
    pub most_backoff: Duration,
    /// What then becomes of the record.
    pub exhausted: Exhausted,
    /// What becomes of one that was rejected.
    pub rejected: Exhausted,
}

/// What becomes of a record whose attempts are used up, or that was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// Its key is parked: it goes to the dead letters, and later records of its key follow it
    /// there, in order, until a redrive brings them back. Other keys go on. A record without a key
    /// is skipped.
    Park,
    /// It goes to the dead letters and the next one is done. Later records of its key overtake it.
    Skip,
    /// The consumer stops with an error that names the record; nothing is passed over.
    Stop,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Tried again, a bounded number of times.
    Retry,
    /// Never tried again.
    Reject,
    /// Not this record's fault: tried again until it goes, and nothing new is begun meanwhile.
    Unavailable,
    /// A fact from elsewhere is still to come: tried again soon; others go on.
    NotYet,
}

/// Longest wait between two looks for a fact that is still to come.
const MOST_NOT_YET: Duration = Duration::from_millis(100);

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 10,
            first_backoff: Duration::from_millis(100),
            most_backoff: Duration::from_secs(10),
            exhausted: Exhausted::Park,
            rejected: Exhausted::Park,
        }
    }
}

impl RetryPolicy {
    /// The wait after `failures` runs in a row that failed, given a random number: between half of
    /// the exponential backoff and all of it, so that members don't try in step.
    pub fn backoff(&self, failures: u32, random: u64) -> Duration {
        let doubled = 2u32.saturating_pow(failures.saturating_sub(1).min(20));
        let full = self.first_backoff.saturating_mul(doubled).min(self.most_backoff);
        let half = full / 2;
        let spread = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).max(1);
        half + Duration::from_millis(random % (spread + 1))
    }

    /// Whether anything ever goes to the dead letters.
    pub fn gives_up(&self) -> bool {
        self.exhausted != Exhausted::Stop || self.rejected != Exhausted::Stop
    }

    pub(crate) fn wait(&self, decision: Decision, failures: u32, random: u64) -> Duration {
        let wait = self.backoff(failures, random);
        if decision == Decision::NotYet { wait.min(MOST_NOT_YET) } else { wait }
    }
}

/// Spreads retries; nothing rests on its quality (a Weyl sequence with a mixing step).
#[derive(Debug)]
pub(crate) struct Jitter(pub(crate) u64);

impl Jitter {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = self.0 ^ (self.0 >> 32);
        x.wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_bound_and_keeps_half() {
        let policy = RetryPolicy::default();
        for (failures, full) in [(1, 100), (2, 200), (3, 400), (8, 10_000), (4_000, 10_000)] {
            for random in [0, 1, 77, u64::MAX] {
                let wait = policy.backoff(failures, random).as_millis();
                assert!((full / 2..=full).contains(&wait), "{failures} failures: {wait} ms");
            }
        }
    }
}
