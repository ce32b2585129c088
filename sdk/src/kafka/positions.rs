//! How far partitions are done, as the client library takes and gives it: an offset, and in its
//! metadata what is done beyond it.

use std::time::Duration;

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError as Native, KafkaResult},
    types::RDKafkaErrorCode as Code,
};

use super::{ffi, names::Names};
use crate::{consume::Position, record::TopicPartition};

/// How far an assigned partition is done.
#[derive(Clone, Debug)]
pub(crate) struct Assigned {
    pub(crate) partition: TopicPartition,
    pub(crate) position: Position,
}

/// Longest that a commit is waited for. The library has no bound of its own: while the group's
/// coordinator is away, it waits for that to come back.
const LONGEST_COMMIT: Duration = Duration::from_secs(5);

/// Commits and waits for it; nothing where there is nothing.
pub(super) fn commit(
    consumer: &BaseConsumer<impl ConsumerContext>,
    names: &Names,
    offsets: &[Assigned],
) -> KafkaResult<()> {
    match to_list(names, offsets) {
        Some(list) => commit_list(consumer, &list).map_err(Native::ConsumerCommit),
        None => Ok(()),
    }
}

/// Commits and waits for it.
pub(super) fn commit_list(
    consumer: &BaseConsumer<impl ConsumerContext>,
    list: &TopicPartitionList,
) -> Result<(), Code> {
    let commits = ffi::Commits::of(consumer.client());
    commits.send(consumer.client(), list)?;
    commits.answer(LONGEST_COMMIT).unwrap_or(Err(Code::RequestTimedOut))
}

/// Offsets with what is done beyond them, as the client library takes them; `None` for none.
pub(super) fn to_list(names: &Names, offsets: &[Assigned]) -> Option<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for Assigned { partition, position } in offsets {
        let topic = names.there(&partition.topic);
        let mut element = list.add_partition(&topic, partition.partition);
        // An offset of a record can be no other.
        let _ = element.set_offset(Offset::Offset(position.next));
        element.set_metadata(&*position.done_beyond);
    }
    (!offsets.is_empty()).then_some(list)
}

pub(super) fn log_failed_commit(group: &str, error: &Native, offsets: &[Assigned]) {
    // Of a member that has nothing yet, nothing runs again.
    if offsets.is_empty() {
        return tracing::debug!(%group, %error, "a commit without offsets failed");
    }
    tracing::warn!(%group, %error, ?offsets, "commit failed; the records may run again");
}

/// The committed offset of a partition, with what is done beyond it.
pub(super) fn position_of(
    list: &TopicPartitionList,
    topic: &str,
    partition: i32,
) -> Option<Position> {
    match list.find_partition(topic, partition)?.offset() {
        Offset::Offset(next) => {
            let done_beyond = ffi::metadata(list, topic, partition).unwrap_or_default();
            Some(Position { next, done_beyond })
        }
        _ => None,
    }
}
