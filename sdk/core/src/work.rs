//! What goes in and out: records, runs of them, reports, and what is to be written elsewhere.

use std::collections::VecDeque;

use crate::{Decision, Key, Ledger, Mark, Whose};

/// A record, as far as its order matters.
pub trait Record {
    /// Its offset in its partition.
    fn offset(&self) -> i64;
    /// What it is ordered by.
    fn key(&self) -> Option<&[u8]>;
    /// Bytes that it holds on to.
    fn size(&self) -> usize;
}

/// A partition from its assignment to its revocation; none is given twice, so what is reported
/// after that finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Assignment(pub(crate) u64);

/// What is to be done at once: runs of different keys of one partition.
#[derive(Debug)]
pub struct Unit<R> {
    /// The partition.
    pub assignment: Assignment,
    /// Each may be reported alone.
    pub runs: Vec<Run<R>>,
    /// Where the partition's position goes with the effect
    /// ([`by_position`](crate::Beginning::by_position)): the ledger before it.
    pub ledger: Option<Ledger>,
}

/// Records of one key, to be done one after the other.
#[derive(Debug)]
pub struct Run<R> {
    /// Where they come from; to be handed back.
    pub lane: Lane,
    /// Never empty.
    pub records: VecDeque<R>,
    /// Of the first record; the others are at their first.
    pub attempt: u32,
}

/// Where a run comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The partition itself.
    Live(SlotId),
    /// The dead letters of a parked key.
    Redriven(Key),
    /// The dead letters that were passed over; meanwhile the key's queue stands still, if it has one.
    PassedOver(Option<SlotId>),
}

/// A key's queue within its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub(crate) usize);

/// What became of runs.
#[derive(Debug)]
pub struct Report<R> {
    /// The partition they are of.
    pub assignment: Assignment,
    /// Offsets done: of the runs in it, and of runs that go on.
    pub done: Vec<i64>,
    /// Bytes of these records.
    pub bytes: usize,
    /// Each run that ended.
    pub runs: Vec<RunEnd<R>>,
}

/// How a run ended.
#[derive(Debug)]
pub struct RunEnd<R> {
    /// Which it was.
    pub lane: Lane,
    /// How many of its records are done, those reported before included.
    pub done: usize,
    /// Those that aren't; where one failed, it is the first of them.
    pub left: VecDeque<R>,
    /// Why it ended early, where a record failed.
    pub failed: Option<Failed>,
}

/// Why a record failed.
#[derive(Clone, Debug)]
pub struct Failed {
    /// What follows.
    pub decision: Decision,
    /// For people.
    pub error: String,
}

/// What is to be written or read elsewhere; then acknowledged.
#[derive(Debug)]
pub enum Effect<R> {
    /// Make a state last; then [`marked`](crate::Core::marked).
    Mark {
        /// The partition.
        assignment: Assignment,
        /// A key's state, its end, or that of what was passed over.
        mark: Mark,
        /// To be handed back.
        sequence: u64,
    },
    /// Take the request of a redrive away. Nothing waits for it.
    Answer {
        /// The partition.
        assignment: Assignment,
        /// What was asked for.
        whose: Whose,
    },
    /// Write a dead letter; then [`lettered`](crate::Core::lettered).
    Letter(Letter<R>),
    /// Look for the first dead letter at or behind an offset of the dead letters; then
    /// [`letter_found`](crate::Core::letter_found) or [`no_letter`](crate::Core::no_letter).
    Look {
        /// The partition.
        assignment: Assignment,
        /// Whose: a key's, or one that was passed over.
        whose: Whose,
        /// Where to begin in the dead letters' partition.
        from: i64,
    },
    /// The consumer is to stop.
    Stop {
        /// The partition.
        assignment: Assignment,
        /// The record.
        offset: i64,
        /// Runs of its handler.
        attempts: u32,
        /// The last failure.
        error: String,
    },
    /// Another member has taken the partition over: forget it.
    Overtaken(Assignment),
}

/// A record on its way to the dead letters.
#[derive(Debug)]
pub struct Letter<R> {
    /// The partition.
    pub assignment: Assignment,
    /// The queue it stood in.
    pub slot: SlotId,
    /// The record.
    pub record: R,
    /// Why.
    pub error: String,
    /// Runs of its handler; 0 where it only follows its parked key.
    pub attempts: u32,
    /// Its key is parked.
    pub is_parked: bool,
    /// As [`Unit::ledger`].
    pub ledger: Option<Ledger>,
}

impl<R> Report<R> {
    /// Nothing yet.
    pub fn of(assignment: Assignment) -> Self {
        Self { assignment, done: Vec::new(), bytes: 0, runs: Vec::new() }
    }
}

impl<R> Effect<R> {
    /// The partition it is about.
    pub fn assignment(&self) -> Assignment {
        match self {
            Self::Mark { assignment, .. }
            | Self::Answer { assignment, .. }
            | Self::Letter(Letter { assignment, .. })
            | Self::Look { assignment, .. }
            | Self::Stop { assignment, .. }
            | Self::Overtaken(assignment) => *assignment,
        }
    }
}
