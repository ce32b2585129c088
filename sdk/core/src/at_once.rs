//! Records that are done while they come, without a queue: where nothing of their key waits or runs,
//! that keeps its order, and costs next to nothing.

use crate::{
    Assignment, Lane, Record, Taken,
    core::Shared,
    keys::{KeyHash, State},
    partition::Partition,
};

/// What is to be done with a record that came.
#[derive(Debug)]
pub enum AtOnce {
    /// To be done there and then: then [`done_at_once`](crate::Core::done_at_once) or
    /// [`goes_on`](crate::Core::goes_on), before anything else is asked of the partition.
    Do(Ticket),
    /// Nothing: it was done before the restart, or came already.
    Nothing,
    /// To be delivered: others stand before it.
    Deliver,
}

/// A record that is being done at once.
#[derive(Debug)]
pub struct Ticket {
    pub(crate) assignment: Assignment,
    offset: i64,
    size: usize,
    key: KeyHash,
}

impl<R: Record> Partition<R> {
    /// Takes up a record that may be done at once.
    pub(crate) fn try_at_once(&mut self, record: &R, shared: &Shared<R>) -> AtOnce {
        let key = self.keys.hash_of(record.key());
        let is_free = self.is_next(record.offset(), shared) && !self.keys.has(key);
        if !is_free || !shared.takes_at_once() {
            return AtOnce::Deliver;
        }
        match self.take(record) {
            Taken::Fresh => AtOnce::Do(Ticket {
                assignment: self.id,
                offset: record.offset(),
                size: record.size(),
                key,
            }),
            Taken::DoneBefore | Taken::Seen => AtOnce::Nothing,
        }
    }

    /// It is done.
    pub(crate) fn done_at_once(&mut self, ticket: &Ticket) {
        self.ledger.finish(ticket.offset);
        self.release(1, ticket.size);
    }

    /// It isn't done yet, or it failed: from now on it is a run like others, to be reported.
    pub(crate) fn goes_on(&mut self, ticket: &Ticket, shared: &mut Shared<R>) -> Lane {
        let id = self.keys.open(ticket.key);
        let slot = self.keys.get_mut(id);
        (slot.state, slot.since) = (State::Running, shared.now);
        self.running += 1;
        shared.running += 1;
        Lane::Live(id)
    }
}
