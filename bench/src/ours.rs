//! Our side of what is consumed: a group of one member, new in each round.

use std::{sync::Arc, time::Duration};

use orderly_sdk::{
    Config,
    consume::{ConsumeError, Consumer, Handler, Limits, Scope},
};
use tokio::sync::oneshot;

use crate::{Error, broker, event::Measured, round::Round, tally::Tally};

/// Longest that a member may take to drain, commit and leave.
const LEAVING: Duration = Duration::from_secs(30);

/// A set of records, and the group that is to read it.
#[derive(Clone)]
pub(crate) struct Set {
    pub(crate) config: Config,
    pub(crate) partitions: i32,
    pub(crate) records: u64,
}

/// Reads all of a set as `group`, which nobody was before.
pub(crate) async fn round(
    set: &Set,
    group: &str,
    limits: Limits,
    handler: impl Handler<Measured>,
    tally: &Arc<Tally>,
    limit: Duration,
) -> Result<Round, Error> {
    let member = Member::join(set, group, limits, handler).await?;
    let waited = tally.wait(limit).await;
    let round = tally.round();
    member.leave().await?;
    waited.and(round)
}

/// A consumer that runs.
pub(crate) struct Member {
    shutdown: oneshot::Sender<()>,
    running: tokio::task::JoinHandle<Result<(), ConsumeError>>,
}

impl Member {
    pub(crate) async fn join(
        set: &Set,
        group: &str,
        limits: Limits,
        handler: impl Handler<Measured>,
    ) -> Result<Self, Error> {
        broker::create_group(&set.config, group, set.partitions).await?;
        Ok(Self::run(Consumer::new(group, &set.config).limited(limits).on::<Measured>(handler)))
    }

    /// Its group's topics must be there.
    pub(crate) fn run<S: Scope>(consumer: Consumer<S>) -> Self {
        let (shutdown, told) = oneshot::channel::<()>();
        let running = tokio::spawn(consumer.run_until(async move {
            // Dropped, it is told as well.
            let _ = told.await;
        }));
        Self { shutdown, running }
    }

    /// Drains, commits and leaves; an error if it had ended by itself.
    pub(crate) async fn leave(self) -> Result<(), Error> {
        let _ = self.shutdown.send(());
        let left = tokio::time::timeout(LEAVING, self.running).await;
        Ok(left.map_err(|_| "the consumer doesn't leave")???)
    }
}
