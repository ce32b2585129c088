//! The consumer: when each event came.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use orderly_sdk::consume::{Context, Failure, Handler};

use crate::{
    Error,
    event::Measured,
    open_loop::{IS_WARM_UP, now},
};

/// Shared with the handler.
#[derive(Clone)]
pub(super) struct Arrivals(Arc<Came>);

struct Came {
    warm: AtomicU64,
    measured: AtomicU64,
    /// By number, in microseconds since 1970; 0: not yet.
    at: Vec<AtomicI64>,
    again: AtomicU64,
}

impl Arrivals {
    /// Of events numbered from 0 to there.
    pub(super) fn of(count: u64) -> Self {
        let at = (0..count).map(|_| AtomicI64::new(0)).collect();
        let [warm, measured, again] = [0; 3].map(AtomicU64::new);
        Self(Arc::new(Came { warm, measured, at, again }))
    }

    pub(super) fn warm(&self) -> u64 {
        self.0.warm.load(Ordering::Acquire)
    }

    pub(super) fn measured(&self) -> u64 {
        self.0.measured.load(Ordering::Acquire)
    }

    /// Of those that came, how long after these times, which are theirs by number.
    pub(super) fn since(&self, times: impl Iterator<Item = i64>) -> Result<Vec<i64>, Error> {
        match self.0.again.load(Ordering::Acquire) {
            0 => {}
            count => return Err(format!("{count} events came twice").into()),
        }
        let came = self.0.at.iter().map(|at| at.load(Ordering::Acquire));
        Ok(came.zip(times).filter(|(at, _)| *at > 0).map(|(at, since)| at - since).collect())
    }
}

impl Handler<Measured> for Arrivals {
    async fn handle(&self, _: &mut Context<'_>, event: Measured) -> Result<(), Failure> {
        let came = &self.0;
        if event.placed_at == IS_WARM_UP {
            came.warm.fetch_add(1, Ordering::Release);
            return Ok(());
        }
        let at = usize::try_from(event.number()).ok().and_then(|number| came.at.get(number));
        match at.map(|at| at.swap(now(), Ordering::AcqRel)) {
            Some(0) => came.measured.fetch_add(1, Ordering::AcqRel),
            _ => came.again.fetch_add(1, Ordering::AcqRel),
        };
        Ok(())
    }
}
