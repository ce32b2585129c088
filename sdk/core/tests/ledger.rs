//! The ledger: its text fits whatever happens, is read as it was written, and damage counts as none.

use std::collections::BTreeSet;

use fastrand::Rng;
use orderly_core::{Ledger, MOST_TEXT, Position, Taken};
use proptest::prelude::*;

/// Takes what may be taken and finishes in a random order; the ledger beside a plain set.
fn schedule(seed: u64, span: i64, greed: u32) -> Result<(), TestCaseError> {
    let mut rng = Rng::with_seed(seed);
    let mut offset = rng.i64(0..1_000_000);
    let mut ledger = Ledger::starting(Some(offset));
    let mut open = BTreeSet::new();
    for step in 0..20_000 {
        if rng.u32(..100) < greed && ledger.can_take(offset, span) {
            prop_assert_eq!(ledger.take(offset), Taken::Fresh);
            open.insert(offset);
            offset += if rng.u32(..20) == 0 { rng.i64(1..40) } else { 1 };
        } else if open.len() > 1 {
            // The first one is stuck.
            let from = *open.last().expect("some") - rng.i64(0..2_000);
            let done = open.range(from..).next_back().copied().expect("some");
            if Some(&done) != open.first() {
                open.remove(&done);
                ledger.finish(done);
            }
        }
        prop_assert_eq!(ledger.next(), open.first().copied().or(ledger.next()));
        if step % 500 == 0 {
            let position = ledger.position().expect("begun");
            prop_assert!(position.done_beyond.len() <= MOST_TEXT, "{}", position.done_beyond.len());
            prop_assert!(open.first().is_none_or(|first| *first == position.next));
            let mut restored = Ledger::restored(&position);
            prop_assert_eq!(restored.position().expect("begun"), position);
            for offset in &open {
                prop_assert_eq!(restored.take(*offset), Taken::Fresh);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn its_text_always_fits_and_reads_back(
        seed: u64,
        span in prop_oneof![Just(2_000_000_i64), 10..30_000_i64],
        greed in 20_u32..100,
    ) {
        schedule(seed, span, greed)?;
    }

    #[test]
    fn damage_is_no_ledger(text in ".{0,60}", next: i64) {
        let restored = Ledger::restored(&Position { next, done_beyond: text });
        prop_assert_eq!(restored.next(), Some(next));
    }

    #[test]
    fn a_changed_letter_does_no_harm(at in 0_usize..40, letter in "[ -~]") {
        let mut ledger = Ledger::starting(Some(10));
        (10..80).for_each(|offset| { ledger.take(offset); });
        (30..70).step_by(3).for_each(|offset| ledger.finish(offset));
        let mut position = ledger.position().expect("begun");
        let at = at % position.done_beyond.len();
        position.done_beyond.replace_range(at..=at, &letter);
        prop_assert!(Ledger::restored(&position).next() >= Some(10));
    }
}

#[test]
fn a_million_done_behind_one_stuck_record_are_a_few_bytes() {
    let mut ledger = Ledger::starting(Some(5));
    ledger.take(5);
    for offset in 6..1_000_006 {
        assert!(ledger.can_take(offset, 1_000_001), "{offset}");
        ledger.take(offset);
        ledger.finish(offset);
    }
    assert!(!ledger.can_take(1_000_006, 1_000_001), "the span is bounded");
    let position = ledger.position().unwrap();
    assert_eq!(position.next, 5);
    assert!(position.done_beyond.len() < 16, "{}", position.done_beyond);
    let mut restored = Ledger::restored(&position);
    assert_eq!(restored.take(5), Taken::Fresh);
    assert_eq!(restored.take(6), Taken::DoneBefore);
    assert_eq!(restored.take(1_000_005), Taken::DoneBefore);
    assert_eq!(restored.take(1_000_006), Taken::Fresh);
}

#[test]
fn what_compaction_took_away_holds_up_nothing() {
    let mut ledger = Ledger::starting(Some(0));
    (0..10).for_each(|offset| assert_eq!(ledger.take(offset), Taken::Fresh));
    ledger.finish(9);
    let mut restored = Ledger::restored(&ledger.position().unwrap());
    assert_eq!(restored.take(4), Taken::Fresh);
    restored.finish(4);
    assert_eq!(restored.take(9), Taken::DoneBefore);
    assert_eq!(restored.next(), Some(10));
}

#[test]
fn a_partition_that_nobody_began_begins_at_its_first_record() {
    let mut ledger = Ledger::starting(None);
    assert_eq!(ledger.position(), None);
    ledger.take(7_000_000_000);
    assert_eq!(ledger.next(), Some(7_000_000_000));
    ledger.finish(7_000_000_000);
    assert_eq!(ledger.next(), Some(7_000_000_001));
}

#[test]
fn another_offsets_text_is_none() {
    let mut ledger = Ledger::starting(Some(0));
    (0..3).for_each(|offset| assert_eq!(ledger.take(offset), Taken::Fresh));
    ledger.finish(1);
    let Position { done_beyond, .. } = ledger.position().unwrap();
    let mut restored = Ledger::restored(&Position { next: 1, done_beyond });
    assert_eq!(restored.take(1), Taken::Fresh);
}

#[test]
fn what_was_unfinished_and_is_gone_since_holds_up_nothing_after_a_restart() {
    let mut ledger = Ledger::starting(Some(0));
    for offset in 0..3 {
        assert_eq!(ledger.take(offset), Taken::Fresh);
    }
    ledger.finish(1);
    let mut restored = Ledger::restored(&ledger.position().expect("begun"));
    // 0 and 2 were compacted away: the next that there is lies far behind them.
    assert!(restored.can_take(100, 50));
    assert_eq!(restored.take(100), Taken::Fresh);
    assert_eq!(restored.next(), Some(100));
    assert!(!restored.can_take(150, 50), "the one that runs holds up as ever");
}
