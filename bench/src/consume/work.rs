//! What a handler computes for a record: nothing, or for so long.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// So many rounds of mixing a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work(u32);

impl Work {
    pub(crate) const fn nothing() -> Self {
        Self(0)
    }

    /// As much as takes about so long on this machine, measured once: then it is the same for all.
    pub(crate) fn of(time: Duration) -> Self {
        const TRIED: u32 = 20_000;
        let fastest = (0..50).map(|_| {
            let began = Instant::now();
            Self(TRIED).compute();
            began.elapsed()
        });
        let fastest = fastest.min().unwrap_or(time).as_secs_f64();
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small, above 0"
        )]
        let rounds = (f64::from(TRIED) * time.as_secs_f64() / fastest) as u32;
        Self(rounds)
    }

    pub(crate) fn compute(self) {
        let mut number = 0x9E37_79B9_u64;
        for _ in 0..self.0 {
            number = black_box(number ^ (number << 13) ^ (number >> 7));
        }
        black_box(number);
    }
}
