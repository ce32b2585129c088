//! Waiting for a condition, bounded.

use std::time::{Duration, Instant};

/// Asks until the answer is `Ok(Some(…))`; gives up at once on an `Err`, and after `limit` with the
/// reason that `late` gives.
pub(crate) async fn until<T, E, F>(
    limit: Duration,
    mut ask: impl FnMut() -> F,
    late: impl FnOnce() -> E,
) -> Result<T, E>
where
    F: Future<Output = Result<Option<T>, E>>,
{
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = ask().await? {
            return Ok(found);
        }
        if Instant::now() >= end {
            return Err(late());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
