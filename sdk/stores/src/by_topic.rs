//! A scope for a group that reads two kinds of topics.

use orderly_sdk::{
    OutRecord,
    consume::{Begun, Failure, Scope, Start, Unit},
    record::TopicPartition,
};

use crate::{Inbox, Positions, Tx};

/// Of some topics the group keeps its position in the database, as [`Positions`]: how far they were
/// read is then a fact that other transactions can rely on. Of the others each event is done once,
/// as by [`Inbox`], with different keys side by side.
#[derive(Clone)]
pub struct ByTopic {
    kept: &'static [&'static str],
    positions: Positions,
    inbox: Inbox,
}

impl ByTopic {
    /// `kept` are the topics whose position is in the database. Both must be prepared there.
    pub fn new(kept: &'static [&'static str], positions: Positions, inbox: Inbox) -> Self {
        Self { kept, positions, inbox }
    }
}

impl Scope for ByTopic {
    type Tx = Tx;

    const EMITS_ONCE: bool = true;

    fn keeps_position(&self, partition: &TopicPartition) -> bool {
        self.kept.contains(&&*partition.topic)
    }

    async fn start(&self, group: &str, partition: &TopicPartition) -> Result<Start, Failure> {
        if self.keeps_position(partition) {
            self.positions.start(group, partition).await
        } else {
            self.inbox.start(group, partition).await
        }
    }

    async fn begin(&self, unit: &Unit<'_>) -> Result<Begun<Tx>, Failure> {
        if self.keeps_position(unit.partition) {
            self.positions.begin(unit).await
        } else {
            self.inbox.begin(unit).await
        }
    }

    async fn commit(
        &self,
        tx: Tx,
        unit: &Unit<'_>,
        emitted: Vec<OutRecord>,
    ) -> Result<(), Failure> {
        if self.keeps_position(unit.partition) {
            self.positions.commit(tx, unit, emitted).await
        } else {
            self.inbox.commit(tx, unit, emitted).await
        }
    }

    async fn pass(&self, unit: &Unit<'_>) -> Result<(), Failure> {
        if self.keeps_position(unit.partition) {
            self.positions.pass(unit).await
        } else {
            self.inbox.pass(unit).await
        }
    }
}
