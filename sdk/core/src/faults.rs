//! Bugs on purpose: each breaks one promise, so that the tests can show that they would see it.

use std::{cell::Cell, collections::BTreeMap};

use crate::{Assignment, Record, Report, partition::Partition};

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The highest offset that is done is committed, whatever isn't before it.
    CommitPastGap,
    /// What is reported of an assignment that is over counts for the one that followed it.
    IgnoreEpoch,
    /// Records of a parked key don't follow it.
    ForgetParked,
    /// A redrive ends while a record is on its way to the dead letters.
    UnparkEarly,
    /// A partition goes on however far behind its first unfinished record lies.
    ForgetSpan,
}

thread_local! {
    static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
}

impl Fault {
    /// Plants it in what runs on this thread, or nothing.
    pub fn plant(fault: Option<Self>) {
        PLANTED.set(fault);
    }
}

pub(crate) fn is_planted(fault: Fault) -> bool {
    PLANTED.get() == Some(fault)
}

pub(crate) fn to_the_successor<R: Record>(
    mut report: Report<R>,
    partitions: &BTreeMap<Assignment, Partition<R>>,
) -> Report<R> {
    if is_planted(Fault::IgnoreEpoch)
        && !partitions.contains_key(&report.assignment)
        && let Some(successor) = partitions.keys().find(|other| **other > report.assignment)
    {
        report.assignment = *successor;
        report.runs.clear();
    }
    report
}
