//! What a member's thread tells and asks whoever does the work.

use std::time::Duration;

use orderly_core::Room;

use super::{Assigned, Generation};
use crate::{
    consume::{Position, Start},
    record::{InRecord, TopicPartition},
};

/// Asks which member of the group this is now; `None`: none.
pub(crate) type Group<'a> = &'a dyn Fn() -> Option<Generation>;

/// What happens to a member; called on its thread, one at a time.
pub(crate) trait MemberEvents: Send + 'static {
    /// Partitions are now ours. None is read before a round says where it begins.
    fn assigned(&mut self, partitions: &[TopicPartition]);

    /// A partition is about to be read from there; `None`: from the oldest record kept.
    fn begun(&mut self, partition: &TopicPartition, position: Option<Position>);

    /// Partitions go to somebody else. Returns once nobody works on them; answers how far each is
    /// done, where that is to be committed for them. `is_lost`: somebody else may have them already,
    /// nothing of them may be committed.
    fn revoked(
        &mut self,
        partitions: &[TopicPartition],
        is_lost: bool,
        group: Group<'_>,
    ) -> Vec<Assigned>;

    /// The member leaves: the same for all that are ours.
    fn left(&mut self, is_lost: bool, group: Group<'_>) -> Vec<Assigned>;

    /// Records of a partition came, in order.
    fn records(&mut self, partition: &TopicPartition, records: Vec<InRecord>);

    /// What may be taken of a partition now; `None`: it isn't ours any more.
    fn room(&self, partition: &TopicPartition) -> Option<Room>;

    /// Offsets behind the last records of partitions that are read, as far as they are known. Told
    /// now and then.
    fn ends(&mut self, ends: Vec<(TopicPartition, i64)>);

    /// Nothing came of these for a while, though there is room; with the offset behind what came
    /// last, where that is known.
    fn silent(&mut self, partitions: Vec<(TopicPartition, Option<i64>)>);

    /// Asked after every round.
    fn round(&mut self, group: Group<'_>) -> Round;

    /// What is done and not committed yet. Asked for when no commit is on its way.
    fn to_commit(&mut self) -> Vec<Assigned>;

    /// What was asked for last is committed, or isn't and will be asked for again.
    fn commit_ended(&mut self, is_committed: bool);
}

/// What the thread is to do after a round.
#[derive(Default)]
pub(crate) struct Round {
    /// Partitions that are read no more, until it is known anew where they begin.
    pub(crate) stale: Vec<TopicPartition>,
    /// Partitions of which it is known only now where they begin.
    pub(crate) begin: Vec<(TopicPartition, Start)>,
    /// Partitions that are silent although there is something to read.
    pub(crate) unread: Vec<Unread>,
    /// When there is something to do without anything having happened.
    pub(crate) wait: Option<Duration>,
    /// So much is in flight that its ends are better heard of together.
    pub(crate) is_crowded: bool,
}

/// A partition, from where it isn't read, and where it ends.
pub(crate) struct Unread {
    pub(crate) partition: TopicPartition,
    pub(crate) next: Option<i64>,
    pub(crate) end: i64,
}

impl Unread {
    /// If the oldest offset kept and the end say that there is something behind what came.
    pub(crate) fn found(
        partition: TopicPartition,
        next: Option<i64>,
        (oldest, end): (i64, i64),
    ) -> Option<Self> {
        (end > next.unwrap_or(oldest)).then_some(Self { partition, next, end })
    }
}
