//! A handler that waits, and how long it does.

use std::time::{Duration, Instant};

use crate::{Error, round::median};

/// Runs of the bare handler.
const TRIED: u32 = 30;

/// What our handlers and the ideal's are.
pub(crate) async fn wait(time: Duration) {
    tokio::time::sleep(time).await;
}

/// What the handler takes by itself: a timer ends a wait a little late.
pub(crate) async fn handler_time(nominal: Duration) -> Result<Duration, Error> {
    // On a worker's thread, where handlers run.
    let measured = tokio::spawn(async move {
        let mut times = Vec::new();
        for _ in 0..TRIED {
            let began = Instant::now();
            wait(nominal).await;
            times.push(began.elapsed().as_secs_f64());
        }
        median(times.into_iter())
    });
    Ok(Duration::from_secs_f64(measured.await?))
}
