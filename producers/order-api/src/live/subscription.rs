//! One follower's end: what waits for it, and from where on that is all there is.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{
    Happening,
    hub::{Followed, Hub},
};

pub(super) struct Subscription {
    hub: Arc<Hub>,
    what: Followed,
    number: u64,
    partitions: [i32; 2],
    receiver: mpsc::Receiver<Arc<Happening>>,
    since: Option<[i64; 2]>,
}

impl Subscription {
    pub(super) fn new(
        hub: Arc<Hub>,
        what: Followed,
        number: u64,
        partitions: [i32; 2],
        receiver: mpsc::Receiver<Arc<Happening>>,
    ) -> Self {
        let since = hub.ends_of(partitions);
        Self { hub, what, number, partitions, receiver, since }
    }

    /// Offsets such that everything from there on comes here; waits until reading has begun.
    pub(super) async fn since(&mut self) -> [i64; 2] {
        loop {
            // Whatever was told since it was registered waits here: a later offset is as good.
            if let Some(since) = self.since.or_else(|| self.hub.ends_of(self.partitions)) {
                return *self.since.insert(since);
            }
            let mut is_reading = self.hub.is_reading();
            // Who tells it is the hub itself.
            let _ = is_reading.wait_for(|is_reading| *is_reading).await;
        }
    }

    /// What comes next; `None`: it was cut off.
    pub(super) async fn next(&mut self) -> Option<Arc<Happening>> {
        self.receiver.recv().await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.leave(&self.what, self.number);
    }
}
