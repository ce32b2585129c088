//! A record whose handler is stuck: how far its partition goes on beside it, and since when it is
//! said to be in flight.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{collections::VecDeque, time::Duration};

use orderly_core::{
    Assignment, AtOnce, Beginning, Bounds, Core, Key, Marks, ParkedKey, PassedOver, Position,
    Record, Report, RetryPolicy, RunEnd, Settings, Stuck, Unit, Whose,
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

const SPAN: i64 = 10;

/// Everything but the span is beyond what the tests take.
fn member(beginning: Beginning) -> (Core<Item>, Assignment) {
    let bounds = Bounds { concurrency: 100, records: 1_000, bytes: 1_000, span: SPAN };
    let retry = RetryPolicy::default();
    let mut core = Core::new(Settings { bounds, retry, most_parked: 10, batch: None }, 7);
    let assignment = core.assign(beginning);
    (core, assignment)
}

/// The record at offset 0 runs, and nothing else.
fn member_that_is_stuck() -> (Core<Item>, Assignment, Unit<Item>) {
    let (mut core, assignment) = member(Beginning::default());
    core.deliver(assignment, [Item(0, "stuck")]);
    let stuck = core.next_unit(1).unwrap();
    (core, assignment, stuck)
}

fn offsets(unit: &Unit<Item>) -> Vec<i64> {
    unit.runs.iter().flat_map(|run| &run.records).map(Record::offset).collect()
}

/// All of it is done.
fn end(core: &mut Core<Item>, unit: Unit<Item>) {
    let mut report = Report::of(unit.assignment);
    for run in unit.runs {
        report.done.extend(run.records.iter().map(Record::offset));
        report.bytes += run.records.iter().map(Record::size).sum::<usize>();
        let (done, left) = (run.records.len(), VecDeque::new());
        report.runs.push(RunEnd { lane: run.lane, done, left, failed: None });
    }
    core.report(report);
}

#[test]
fn a_partition_goes_on_beside_a_stuck_record_as_far_as_its_span_until_that_is_done() {
    let (mut core, assignment, stuck) = member_that_is_stuck();
    core.deliver(assignment, (1..2 * SPAN).map(|offset| Item(offset, "k")));
    let beside = core.next_unit(1).unwrap();
    assert_eq!(offsets(&beside), (1..SPAN).collect::<Vec<_>>());
    end(&mut core, beside);
    assert!(core.next_unit(1).is_none(), "no more is taken up");
    assert_eq!(core.span(assignment), SPAN);
    assert!(core.room(assignment).is_none());
    assert_eq!(core.stuck(assignment), Some(Stuck::Span(0)));

    end(&mut core, stuck);
    assert_eq!(core.stuck(assignment), None);
    let beyond = core.next_unit(1).unwrap();
    assert_eq!(offsets(&beyond), (SPAN..2 * SPAN).collect::<Vec<_>>());
    end(&mut core, beyond);
    assert_eq!((core.next(assignment), core.span(assignment)), (Some(2 * SPAN), 0));
}

#[test]
fn what_is_done_at_once_keeps_to_the_span_too() {
    let (mut core, assignment, stuck) = member_that_is_stuck();
    for offset in 1..SPAN {
        match core.try_at_once(assignment, &Item(offset, "k")) {
            AtOnce::Do(ticket) => core.done_at_once(&ticket),
            other => panic!("{offset}: {other:?}"),
        }
    }
    let beyond = core.try_at_once(assignment, &Item(SPAN, "k"));
    assert!(matches!(beyond, AtOnce::Deliver), "{beyond:?}");
    assert_eq!(core.span(assignment), SPAN);

    end(&mut core, stuck);
    let beyond = core.try_at_once(assignment, &Item(SPAN, "k"));
    assert!(matches!(beyond, AtOnce::Do(_)), "{beyond:?}");
}

/// A dead letter runs from the fifth second on, and a record of another key from the seventh.
fn is_in_flight(beginning: Beginning, whose: &Whose) {
    let second = Duration::from_secs;
    let (mut core, assignment) = member(beginning);
    core.letter_found(assignment, whose, 0, Item(0, "k"));
    assert_eq!(core.oldest(assignment), None, "nothing runs yet");
    core.tick(second(5));
    let letter = core.next_unit(1).unwrap();
    core.tick(second(7));
    assert_eq!(core.oldest(assignment), Some(second(5)));
    core.deliver(assignment, [Item(1, "other")]);
    let live = core.next_unit(1).unwrap();
    core.tick(second(9));
    assert_eq!(core.oldest(assignment), Some(second(5)));
    end(&mut core, letter);
    assert_eq!(core.oldest(assignment), Some(second(7)), "only the record runs");
    end(&mut core, live);
    assert_eq!(core.oldest(assignment), None);
}

#[test]
fn a_redrive_that_is_stuck_is_in_flight_since_it_began() {
    let key = Key::from(&b"k"[..]);
    let state = ParkedKey {
        next: 0,
        letters_from: 0,
        laps: 0,
        is_redriving: true,
        error: "as told".to_owned(),
    };
    let parked = [(Key::clone(&key), state)].into();
    let marks = Marks { epoch: 1, parked, ..Marks::default() };
    let beginning = Beginning { epoch: 1, marks, letters_end: 1, ..Beginning::default() };
    is_in_flight(beginning, &Whose::Key(key));
}

#[test]
fn a_skipped_record_that_is_stuck_is_in_flight_since_it_began() {
    let position = Position { next: 0, done_beyond: String::new() };
    let passed_over = PassedOver { position, until: 1 };
    let marks = Marks { epoch: 1, passed_over, ..Marks::default() };
    let beginning = Beginning { epoch: 1, marks, letters_end: 1, ..Beginning::default() };
    is_in_flight(beginning, &Whose::PassedOver);
}
