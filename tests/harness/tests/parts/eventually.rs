//! Waiting for a condition, bounded.

use std::time::{Duration, Instant};

/// Fails with `what` when the condition isn't met within a minute.
pub async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !condition().await {
        assert!(Instant::now() < end, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
