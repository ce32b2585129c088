//! What is sent: the hot key's backlog, and the others at the times that were set.

use std::{sync::Arc, time::Duration};

use crate::{
    Error,
    event::Measured,
    keys::{Keys, Skew},
    load::Loader,
    open_loop::{IS_WARM_UP, pace},
};

/// The others' keys are those below.
pub(super) const OTHER_KEYS: u32 = 1_000;
pub(super) const HOT: u32 = OTHER_KEYS;

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

/// The others, so many a second for so long; returns how many. A record carries when it was to be sent.
pub(super) async fn emit_others(
    loader: &Arc<Loader>,
    rate: f64,
    time: Duration,
) -> Result<u64, Error> {
    let loader = Arc::clone(loader);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousands")]
    let count = (rate * time.as_secs_f64()) as u64;
    let emitting = tokio::task::spawn_blocking(move || {
        let mut keys = Keys::new(OTHER_KEYS, Skew::Uniform);
        pace(rate, count, |number, due_at| {
            let key = keys.next().unwrap_or_default();
            loader.send(&Measured::new(key, number, due_at))
        })
    });
    emitting.await??;
    Ok(count)
}
