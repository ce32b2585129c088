//! What it means that a part is away, and waiting for it.

use std::{error::Error, future::Future, time::Duration};

use crate::{Health, consume::Unavailable};

/// First and longest wait between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MOST_PAUSE: Duration = Duration::from_secs(2);

/// The part whose absence the error tells of; `None` where no part is away, so that waiting for
/// one doesn't help.
pub fn away<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Unavailable> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(unavailable) = error.downcast_ref() {
            return Some(unavailable);
        }
        cause = error.source();
    }
    None
}

/// Tries until it goes, or fails for another reason than that a part is away; tells `health` what
/// it waits for. Never gives up by itself: bound it by dropping it, as a shutdown does.
pub async fn wait_out<T, E: Error + 'static, F: Future<Output = Result<T, E>>>(
    health: &Health,
    mut tried: impl FnMut() -> F,
) -> Result<T, E> {
    let (mut waiting, mut pause, mut tries) = (None, FIRST_PAUSE, 0_u32);
    loop {
        // Boxed: what is tried at a start is deep, and its type would be part of every caller's.
        let error = match Box::pin(tried()).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let Some(part) = away(&error) else { return Err(error) };
        tries = tries.saturating_add(1);
        // Once per outage and then ever more rarely.
        if tries.is_power_of_two() {
            tracing::warn!(error = &error as &dyn Error, tries, "waits for a part that is away");
        }
        // Told anew before the old word is taken back: it stays away in between.
        let told = health.away(part.part, &part.message);
        drop(waiting.replace(told));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(MOST_PAUSE);
    }
}
