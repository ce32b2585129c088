//! What is away for a while is away for the services, too: a run goes on.

use std::{error::Error, time::Duration};

use orderly_sdk::{Health, wait_out};

/// For so long a part may be away.
const LONGEST_OUTAGE: Duration = Duration::from_secs(5 * 60);

/// Asks again while a part is away, within bounds.
pub(super) async fn outlast<T, E: Error + 'static, F: Future<Output = Result<T, E>>>(
    waiting: &Health,
    question: impl Fn() -> F,
) -> Result<T, E> {
    match tokio::time::timeout(LONGEST_OUTAGE, wait_out(waiting, &question)).await {
        Ok(answer) => answer,
        Err(_) => question().await,
    }
}
