//! Load that comes at the times that were set, whatever became of what came before, and how late it was
//! done: from when it was to come.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde::Serialize;

use crate::{Error, event::Measured, round::milliseconds_at};

/// When a record was to be sent that isn't measured.
pub(crate) const IS_WARM_UP: i64 = 0x0040_0000_0000_0000 - 1;
/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(20);

/// Microseconds since 1970.
pub(crate) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

/// Calls `send` so often, so many times a second, with the number and when it is due. Blocks its thread:
/// sleeps until the next is due, and catches up where it overslept.
pub(crate) fn pace(
    rate: f64,
    count: u64,
    mut send: impl FnMut(u64, i64) -> Result<(), Error>,
) -> Result<(), Error> {
    let (began, began_at) = (Instant::now(), now());
    for number in 0..count {
        #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
        let due = Duration::from_secs_f64(number as f64 / rate);
        if let Some(early) = due.checked_sub(began.elapsed()) {
            std::thread::sleep(early);
        }
        send(number, began_at + i64::try_from(due.as_micros())?)?;
    }
    Ok(())
}

/// What was done so far, and how late.
#[derive(Default)]
pub(crate) struct Seen {
    warm: AtomicU64,
    /// Microseconds from when each was to be sent until it was done.
    latencies: Mutex<Vec<i64>>,
}

impl Seen {
    pub(crate) fn done(&self, event: &Measured) {
        if event.placed_at == IS_WARM_UP {
            self.warm.fetch_add(1, Ordering::Release);
        } else {
            self.lock().push(now() - event.placed_at);
        }
    }

    pub(crate) fn warm(&self) -> u64 {
        self.warm.load(Ordering::Acquire)
    }

    pub(crate) fn measured(&self) -> u64 {
        self.lock().len() as u64
    }

    /// Of so many that were sent. Those that aren't done are later than `least`.
    pub(crate) fn latencies(&self, sent: u64, least: Duration) -> Result<Latencies, Error> {
        Latencies::with_undone(self.lock().clone(), sent, least)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<i64>> {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks until it is so; `None`: not within `patience`.
pub(crate) async fn until(patience: Duration, is_so: impl Fn() -> bool) -> Option<()> {
    let deadline = Instant::now() + patience;
    while !is_so() {
        if Instant::now() > deadline {
            return None;
        }
        tokio::time::sleep(LOOK).await;
    }
    Some(())
}

/// In milliseconds.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Latencies {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) highest: f64,
    pub(crate) records: u64,
    /// Not done when patience was over.
    pub(crate) undone: u64,
}

impl Latencies {
    /// Of those that are done, in microseconds, of so many; the others are later than `least`.
    pub(crate) fn with_undone(
        mut micros: Vec<i64>,
        of: u64,
        least: Duration,
    ) -> Result<Self, Error> {
        let undone = of.checked_sub(micros.len() as u64).ok_or("records were done twice")?;
        let least = i64::try_from(least.as_micros())?;
        micros.extend((0..undone).map(|_| least));
        micros.sort_unstable();
        let took = |micros: &i64| Duration::from_micros((*micros).max(0).unsigned_abs());
        let took: Vec<_> = micros.iter().map(took).collect();
        let [p50, p99, highest] = [500, 990, 1_000].map(|part| milliseconds_at(part, &took));
        Ok(Self { p50, p99, highest, records: of, undone })
    }
}
