//! What the client library fetched of a partition and nobody took yet, and how far it was taken.

use std::time::{Duration, Instant};

use orderly_core::Room;
use rdkafka::{Offset, types::RDKafkaErrorCode as Code};

use super::ffi::PartitionQueue;
use crate::record::{InRecord, TopicPartition};

/// A partition that is read.
pub(super) struct Fetched {
    queue: PartitionQueue,
    /// Size of the largest record so far: how many fit is guessed by it.
    largest: usize,
    pub(super) reading: Reading,
}

/// How far a partition was taken, and since when nothing comes of it.
pub(super) struct Reading {
    /// Where what wasn't taken begins.
    next: Offset,
    /// When something was taken last, or it was last wondered at that nothing comes.
    moved: Instant,
    restarted_at: Option<Offset>,
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

impl Fetched {
    pub(super) fn beginning(queue: PartitionQueue, next: Offset) -> Self {
        Self { queue, largest: 1, reading: Reading::beginning(next, Instant::now()) }
    }

    /// The next that are there, as far as there is room.
    pub(super) fn take(&mut self, at: &TopicPartition, room: Room) -> Taken {
        let mut taken = Taken { records: Vec::new(), error: None, may_be_more: false };
        let now = Instant::now();
        if !self.reading.expects(room, now) {
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
            self.reading.took(last.at().offset, now);
            taken.may_be_more = taken.records.len() == most;
        }
        taken
    }
}

impl Reading {
    pub(super) fn beginning(next: Offset, now: Instant) -> Self {
        Self { next, moved: now, restarted_at: None }
    }

    /// Whether something may come.
    fn expects(&mut self, room: Room, now: Instant) -> bool {
        if room.is_none() {
            self.moved = now;
        }
        !room.is_none()
    }

    /// Something came, the last of it at that offset.
    pub(super) fn took(&mut self, last: i64, now: Instant) {
        (self.next, self.moved) = (Offset::Offset(last + 1), now);
    }

    /// Where it is to be read again from.
    pub(super) fn next(&self) -> Offset {
        self.next
    }

    /// Whether nothing came for so long; asked again, only after as long.
    pub(super) fn is_silent(&mut self, now: Instant, longest: Duration) -> bool {
        let is_silent = now.duration_since(self.moved) > longest;
        if is_silent {
            self.moved = now;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::Unread;

    const SILENCE: Duration = Duration::from_secs(15);
    const LONGER: Duration = Duration::from_secs(16);
    const ROOM: Room = Room { records: 1, bytes: 1 };
    const NO_ROOM: Room = Room { records: 0, bytes: 1 };

    fn began(next: Offset) -> (Reading, Instant) {
        let now = Instant::now();
        (Reading::beginning(next, now), now)
    }

    #[test]
    fn a_partition_of_which_nothing_comes_is_silent_once_for_each_while() {
        let (mut reading, now) = began(Offset::Offset(5));
        assert!(!reading.is_silent(now + SILENCE, SILENCE), "it has just been begun");
        assert!(reading.expects(ROOM, now + LONGER));
        assert!(reading.is_silent(now + LONGER, SILENCE));
        assert!(!reading.is_silent(now + LONGER + SILENCE, SILENCE), "it was just said");
        assert!(reading.is_silent(now + LONGER + LONGER, SILENCE));
    }

    #[test]
    fn what_comes_ends_a_silence() {
        let (mut reading, now) = began(Offset::Offset(5));
        reading.took(7, now + SILENCE);
        assert!(!reading.is_silent(now + LONGER, SILENCE));
        assert_eq!(reading.next(), Offset::Offset(8));
        assert!(reading.is_silent(now + SILENCE + LONGER, SILENCE), "it is silent anew");
    }

    #[test]
    fn a_paused_partition_isnt_silent_and_has_as_long_as_any_when_it_goes_on() {
        let (mut reading, now) = began(Offset::Offset(5));
        assert!(!reading.expects(NO_ROOM, now + LONGER));
        assert!(!reading.is_silent(now + LONGER, SILENCE));
        assert!(reading.expects(ROOM, now + LONGER + SILENCE));
        assert!(!reading.is_silent(now + LONGER + SILENCE, SILENCE));
        assert!(reading.is_silent(now + LONGER + LONGER, SILENCE));
    }

    #[test]
    fn only_where_there_is_more_than_what_came_something_is_unread() {
        let end_of_unread = |next, ends| {
            let at = TopicPartition { topic: "greetings".into(), partition: 0 };
            Unread::found(at, next, ends).map(|unread| unread.end)
        };
        assert_eq!(end_of_unread(Some(5), (0, 5)), None, "caught up");
        assert_eq!(end_of_unread(Some(5), (0, 6)), Some(6));
        assert_eq!(end_of_unread(None, (5, 5)), None, "nothing is kept");
        assert_eq!(end_of_unread(None, (5, 6)), Some(6));
    }

    #[test]
    fn it_is_read_anew_once_from_an_offset_and_not_if_something_came_meanwhile() {
        let (mut reading, now) = began(Offset::Beginning);
        assert!(reading.may_restart(None));
        assert!(!reading.may_restart(None), "it was in vain");
        reading.took(7, now);
        assert!(!reading.may_restart(None), "that was asked before something came");
        assert!(reading.may_restart(Some(8)));
        assert!(!reading.may_restart(Some(8)));
    }
}
