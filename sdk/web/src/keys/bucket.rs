//! A caller's rate, as a bucket of tokens: each request takes one, and they come back evenly.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

/// How often a caller may ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    /// Requests a second, in the long run: 0.001 to 1,000,000.
    pub(super) per_second: f64,
    /// Requests at once, after a rest: 1 to 1,000,000.
    pub(super) burst: u32,
}

/// Holds one number, changed without a lock: when the bucket would be full again, in nanoseconds
/// since it was made. A process has its own: with several replicas a caller has as many rates.
pub(super) struct Bucket {
    rate: Rate,
    begun: Instant,
    full_at: AtomicU64,
}

impl Bucket {
    pub(super) fn full(rate: Rate) -> Self {
        Self { rate, begun: Instant::now(), full_at: AtomicU64::new(0) }
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes a token; `Err`: there is none for so long.
    pub(super) fn take(&self) -> Result<(), Duration> {
        let now = nanos(self.begun.elapsed());
        let one = nanos(Duration::from_secs_f64(1.0 / self.rate.per_second));
        let all = one.saturating_mul(u64::from(self.rate.burst));
        let after = |full_at: u64| full_at.max(now).saturating_add(one);
        let taken = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            Some(after(full_at)).filter(|after| after - now <= all)
        });
        let wait = |full_at| Duration::from_nanos(after(full_at) - now - all);
        taken.map(drop).map_err(wait)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_let_in_and_then_the_rate() {
        let bucket = Bucket::full(Rate { per_second: 4.0, burst: 3 });
        for _ in 0..3 {
            assert_eq!(bucket.take(), Ok(()));
        }
        let wait = bucket.take().expect_err("none is left");
        assert_eq!(wait, Duration::from_millis(250));
        tokio::time::advance(wait).await;
        assert_eq!(bucket.take(), Ok(()));
        assert!(bucket.take().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_fills_it_and_no_further() {
        let bucket = Bucket::full(Rate { per_second: 0.001, burst: 2 });
        for _ in 0..2 {
            tokio::time::advance(Duration::from_secs(10_000_000)).await;
            assert_eq!(bucket.take(), Ok(()));
            assert_eq!(bucket.take(), Ok(()));
            assert_eq!(bucket.take(), Err(Duration::from_secs(1_000)));
        }
    }

    #[test]
    fn the_extremes_of_rates_are_numbers() {
        for (per_second, burst) in [(0.001, 1_000_000), (1e6, 1), (0.001, 1)] {
            assert_eq!(Bucket::full(Rate { per_second, burst }).take(), Ok(()));
        }
    }
}
