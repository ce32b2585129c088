//! How often and how long apart a record is tried.

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
}

/// What becomes of a record whose attempts are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// The consumer stops with an error that names the record; nothing is passed over.
    Stop,
    /// The record goes to the dead letters and the next one is done. Later records of its key
    /// overtake it.
    Skip,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 10,
            first_backoff: Duration::from_millis(100),
            most_backoff: Duration::from_secs(10),
            exhausted: Exhausted::Stop,
        }
    }
}

impl RetryPolicy {
    /// The wait after `failures` runs in a row that failed, given a random number: between half of
    /// the exponential backoff and all of it, so that members don't try in step.
    pub(super) fn backoff(&self, failures: u32, random: u64) -> Duration {
        let doubled = 2u32.saturating_pow(failures.saturating_sub(1).min(20));
        let full = self.first_backoff.saturating_mul(doubled).min(self.most_backoff);
        let half = full / 2;
        let spread = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).max(1);
        half + Duration::from_millis(random % (spread + 1))
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
