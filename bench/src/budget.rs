//! A benchmark takes eight minutes at most: what doesn't fit is left out, and said.

use std::time::{Duration, Instant};

/// Rounds begin until then; the last one and the end of the parts take the rest of the eight minutes.
const ROUNDS: Duration = Duration::from_secs(7 * 60);

pub(crate) struct Budget {
    began: Instant,
}

impl Budget {
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now() }
    }

    /// Whether something that takes so long may still begin.
    pub(crate) fn has(&self, time: Duration) -> bool {
        self.began.elapsed() + time < ROUNDS
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}
