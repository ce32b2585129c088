//! Sends at the times that were set, whatever becomes of what was sent before.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    Error,
    event::Measured,
    keys::{Keys, Skew},
    load::Loader,
};

/// The others' keys are those below.
pub(super) const OTHER_KEYS: u32 = 1_000;
pub(super) const HOT: u32 = OTHER_KEYS;
/// When a record was to be sent that isn't measured.
pub(super) const IS_WARM_UP: i64 = 0x0040_0000_0000_0000 - 1;

/// Microseconds since 1970.
pub(super) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

/// One record of each key but the hot one; returns how many.
pub(super) async fn emit_warm_up(loader: &Arc<Loader>) -> Result<u64, Error> {
    let events = (0..OTHER_KEYS).map(|key| Measured::new(key, 0, IS_WARM_UP));
    emit(loader, events).await
}

/// The hot key's records.
pub(super) async fn emit_backlog(loader: &Arc<Loader>, count: u64) -> Result<u64, Error> {
    emit(loader, (0..count).map(|number| Measured::new(HOT, number, IS_WARM_UP))).await
}

async fn emit(
    loader: &Arc<Loader>,
    events: impl Iterator<Item = Measured> + Send + 'static,
) -> Result<u64, Error> {
    let loader = Arc::clone(loader);
    let emitting = tokio::task::spawn_blocking(move || {
        let mut sent = 0;
        for event in events {
            loader.send(&event)?;
            sent += 1;
        }
        Ok(sent)
    });
    emitting.await?
}

/// The others, so many a second for so long; returns how many. On a thread of its own, which sleeps
/// until the next is due and catches up where it overslept: a record carries when it was to be sent.
pub(super) async fn emit_others(
    loader: &Arc<Loader>,
    rate: f64,
    time: Duration,
) -> Result<u64, Error> {
    let loader = Arc::clone(loader);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousands")]
    let count = (rate * time.as_secs_f64()) as u64;
    let emitting = tokio::task::spawn_blocking(move || {
        let (began, began_at) = (Instant::now(), now());
        for (key, number) in Keys::new(OTHER_KEYS, Skew::Uniform).zip(0..count) {
            #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
            let due = Duration::from_secs_f64(number as f64 / rate);
            if let Some(early) = due.checked_sub(began.elapsed()) {
                std::thread::sleep(early);
            }
            let due_at = began_at + i64::try_from(due.as_micros())?;
            loader.send(&Measured::new(key, number, due_at))?;
        }
        Ok(count)
    });
    emitting.await?
}
