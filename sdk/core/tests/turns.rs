//! Whose turn it is, and how many records of a key go together.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::collections::VecDeque;

use orderly_core::{
    Assignment, Beginning, Bounds, Core, Record, Report, RetryPolicy, RunEnd, Settings, Unit,
};

struct Item(i64, &'static str);

impl Record for Item {
    fn offset(&self) -> i64 {
        self.0
    }

    fn key(&self) -> Option<&[u8]> {
        Some(self.1.as_bytes())
    }

    fn size(&self) -> usize {
        1
    }
}

/// One handler at a time.
fn core(records: impl IntoIterator<Item = Item>) -> (Core<Item>, Assignment) {
    let retry = RetryPolicy::default();
    let bounds = Bounds { concurrency: 1, records: 100, bytes: 100, span: 1_000 };
    let mut core = Core::new(Settings { bounds, retry, most_parked: 1, batch: None }, 7);
    let assignment = core.assign(Beginning::default());
    core.deliver(assignment, records);
    (core, assignment)
}

/// Does the first record of the next unit, and hands the others back; the offsets that were in it.
fn do_one(core: &mut Core<Item>) -> Vec<i64> {
    let Unit { assignment, mut runs, .. } = core.next_unit(1).unwrap();
    let run = runs.pop().unwrap();
    let offsets: Vec<i64> = run.records.iter().map(Record::offset).collect();
    let mut left: VecDeque<Item> = run.records;
    left.pop_front();
    let end = RunEnd { lane: run.lane, done: 1, left, failed: None };
    core.report(Report {
        done: vec![offsets[0]],
        bytes: 1,
        runs: vec![end],
        ..Report::of(assignment)
    });
    offsets
}

#[test]
fn of_keys_that_wait_the_one_with_the_oldest_record_comes_first() {
    let (mut core, _) = core([Item(0, "a"), Item(1, "b"), Item(2, "a"), Item(3, "c")]);
    let turns: Vec<i64> = (0..4).map(|_| do_one(&mut core)[0]).collect();
    assert_eq!(turns, [0, 1, 2, 3]);
}

#[test]
fn a_key_that_has_more_to_do_goes_before_a_little_older_ones() {
    let (mut core, _) = core([Item(0, "a"), Item(1, "b"), Item(2, "b"), Item(3, "c")]);
    let turns: Vec<i64> = (0..4).map(|_| do_one(&mut core)[0]).collect();
    assert_eq!(turns, [1, 0, 2, 3]);
}

#[test]
fn a_long_backlog_passes_over_nobody_who_is_much_older() {
    let backlog = (600..650).map(|offset| Item(offset, "b"));
    let (mut core, _) = core([Item(0, "a")].into_iter().chain(backlog));
    assert_eq!(do_one(&mut core), [0]);
}

#[test]
fn as_many_go_together_as_are_done_in_a_turn() {
    let (mut core, _) = core((0..20).map(|offset| Item(offset, "a")));
    assert_eq!(do_one(&mut core).len(), 20, "nothing is known yet");
    assert_eq!(do_one(&mut core), [1]);
    assert_eq!(do_one(&mut core), [2, 3], "all was done: more may go");
    assert_eq!(do_one(&mut core), [3], "one of two was");
}
