//! A handler that takes a second for the hot key, and some milliseconds for any other.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use orderly_sdk::consume::{Context, Failure, Handler};

use super::open_loop::{HOT, IS_WARM_UP, now};
use crate::{Error, event::Measured, round::median};

const HOT_TAKES: Duration = Duration::from_secs(1);
const OTHERS_TAKE: Duration = Duration::from_millis(10);
/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(20);

/// What was done so far.
#[derive(Default)]
pub(super) struct Seen {
    warm: AtomicU64,
    is_hot_at_work: AtomicBool,
    /// Microseconds from when each was to be sent until it was done.
    latencies: Mutex<Vec<i64>>,
}

pub(super) struct Handling {
    pub(super) seen: Arc<Seen>,
}

impl Handler<Measured> for Handling {
    async fn handle(&self, _: &mut Context<'_>, event: Measured) -> Result<(), Failure> {
        if event.key_number() == HOT as usize {
            self.seen.is_hot_at_work.store(true, Ordering::Release);
            tokio::time::sleep(HOT_TAKES).await;
            return Ok(());
        }
        tokio::time::sleep(OTHERS_TAKE).await;
        if event.placed_at == IS_WARM_UP {
            self.seen.warm.fetch_add(1, Ordering::Release);
        } else {
            self.seen.lock().push(now() - event.placed_at);
        }
        Ok(())
    }
}

impl Seen {
    pub(super) fn warm(&self) -> u64 {
        self.warm.load(Ordering::Acquire)
    }

    pub(super) fn is_hot_at_work(&self) -> bool {
        self.is_hot_at_work.load(Ordering::Acquire)
    }

    pub(super) fn others(&self) -> u64 {
        self.lock().len() as u64
    }

    pub(super) fn latencies(&self) -> Vec<i64> {
        self.lock().clone()
    }

    /// Looks until it is so; `None`: not within `patience`.
    pub(super) async fn until(
        &self,
        patience: Duration,
        is_so: impl Fn(&Self) -> bool,
    ) -> Option<()> {
        let deadline = Instant::now() + patience;
        while !is_so(self) {
            if Instant::now() > deadline {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
        Some(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<i64>> {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the others take, by themselves.
pub(super) async fn time() -> Result<Duration, Error> {
    let measured = tokio::spawn(async {
        let mut times = Vec::new();
        for _ in 0..50 {
            let began = Instant::now();
            tokio::time::sleep(OTHERS_TAKE).await;
            times.push(began.elapsed().as_secs_f64());
        }
        median(times.into_iter())
    });
    Ok(Duration::from_secs_f64(measured.await?))
}
