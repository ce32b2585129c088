//! What the client library fetched of a partition and nobody took yet, and how far it was taken.

use std::time::{Duration, Instant};

use orderly_core::Room;
use rdkafka::{Offset, types::RDKafkaErrorCode as Code};

use super::ffi::PartitionQueue;
use crate::record::{InRecord, TopicPartition};

/// A partition that is read.
pub(super) struct Fetched {
    queue: PartitionQueue,
    /// Where what wasn't taken begins.
    next: Offset,
    /// When something was taken last, or it was last wondered at that nothing comes.
    moved: Instant,
    restarted_at: Option<Offset>,
    /// Size of the largest record so far: how many fit is guessed by it.
    largest: usize,
}

/// Taken at once of a partition.
pub(super) struct Taken {
    pub(super) records: Vec<InRecord>,
    /// What else there was.
    pub(super) error: Option<Code>,
    pub(super) may_be_more: bool,
}

/// Few enough to be still in the processor's cache when they are done, and for the other partitions
/// and what waits in queues to have their turn soon.
const MOST_A_TIME: usize = 64;
/// With nothing for so long although there is room, it is asked whether there is anything to read.
const SILENCE: Duration = Duration::from_secs(15);

impl Fetched {
    pub(super) fn beginning(queue: PartitionQueue, next: Offset) -> Self {
        Self { queue, next, moved: Instant::now(), restarted_at: None, largest: 1 }
    }

    /// The next that are there, as far as there is room.
    pub(super) fn take(&mut self, at: &TopicPartition, room: Room) -> Taken {
        let mut taken = Taken { records: Vec::new(), error: None, may_be_more: false };
        if room.is_none() {
            // Nothing is expected.
            self.moved = Instant::now();
            return taken;
        }
        let fit = room.bytes.div_ceil(self.largest);
        let most = room.records.min(MOST_A_TIME).min(fit).max(1);
        let largest = &mut self.largest;
        taken.records.reserve(most);
        self.queue.take(most, |message| match message {
            Ok(message) => {
                let record = InRecord::lent(at.clone(), message);
                *largest = record.size().max(*largest);
                taken.records.push(record);
            }
            Err(code) => taken.error = Some(code),
        });
        if let Some(last) = taken.records.last() {
            self.next = Offset::Offset(last.at().offset + 1);
            self.moved = Instant::now();
            taken.may_be_more = taken.records.len() == most;
        }
        taken
    }

    /// Where it is to be read again from.
    pub(super) fn next(&self) -> Offset {
        self.next
    }

    /// Whether nothing came for a while; asked again, only after as long.
    pub(super) fn is_silent(&mut self) -> bool {
        let is_silent = self.moved.elapsed() > SILENCE;
        if is_silent {
            self.moved = Instant::now();
        }
        is_silent
    }

    /// The offset behind what was taken, where it is known.
    pub(super) fn next_offset(&self) -> Option<i64> {
        match self.next {
            Offset::Offset(next) => Some(next),
            _ => None,
        }
    }

    /// Whether reading it again may help. From one offset it is tried once: behind that there may be
    /// nothing but marks of transactions.
    pub(super) fn may_restart(&mut self, next: Option<i64>) -> bool {
        self.next_offset() == next && self.restarted_at.replace(self.next) != Some(self.next)
    }
}
