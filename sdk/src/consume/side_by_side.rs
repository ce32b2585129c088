//! What a service is made of: members of its group, and whatever else it does.

use std::future::Future;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{ConsumeError, Consumer, Scope};
use crate::Health;

/// Parts of a service that run side by side. Whichever ends first ends the others.
///
/// Dropped, members stop by themselves soon after, and the rest is cancelled.
pub struct SideBySide<E> {
    running: JoinSet<Result<(), E>>,
    stop: CancellationToken,
    health: Health,
}

impl<E: From<ConsumeError> + Send + 'static> SideBySide<E> {
    /// Nothing yet; all of it will stop at `shutdown`, and members report to `health`.
    pub fn until(shutdown: &CancellationToken, health: &Health) -> Self {
        let (running, stop) = (JoinSet::new(), shutdown.child_token());
        Self { running, stop, health: health.clone() }
    }

    /// One more member of a group.
    pub fn member<S: Scope>(&mut self, consumer: Consumer<S>) {
        let (consumer, stop) = (consumer.reporting(&self.health), self.stop.clone());
        self.running.spawn(async move { Ok(consumer.run_until(stop.cancelled_owned()).await?) });
    }

    /// Something else; it is to end when its token is cancelled.
    pub fn also<F: Future<Output = Result<(), E>> + Send + 'static>(
        &mut self,
        part: impl FnOnce(CancellationToken) -> F,
    ) {
        self.running.spawn(part(self.stop.clone()));
    }

    /// The service has started. Runs until all have ended; an error is the first one's.
    pub async fn ended(mut self) -> Result<(), E> {
        self.health.started();
        let mut result = Ok(());
        while let Some(ended) = self.running.join_next().await {
            self.stop.cancel();
            let ended =
                ended.unwrap_or_else(|panic| Err(ConsumeError::Thread(panic.to_string()).into()));
            result = result.and(ended);
        }
        result
    }
}
