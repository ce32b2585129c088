//! The end of a set, where handlers wait: nobody is to be idle for the few keys that are left over.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::collections::VecDeque;

use orderly_core::{
    Assignment, Beginning, Bounds, Core, Lane, Record, Report, RetryPolicy, RunEnd, Settings,
};

const RECORDS: usize = 2_074;
const KEYS: u64 = 1_000;
const PARTITIONS: usize = 12;
const AT_ONCE: usize = 100;

struct Item {
    offset: i64,
    key: [u8; 8],
}

impl Record for Item {
    fn offset(&self) -> i64 {
        self.offset
    }

    fn key(&self) -> Option<&[u8]> {
        Some(&self.key)
    }

    fn size(&self) -> usize {
        1
    }
}

/// SplitMix64.
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Records of uniformly drawn keys, each key in one partition.
fn filled(core: &mut Core<Item>, mut seed: u64) {
    let mut records: Vec<Vec<Item>> = (0..PARTITIONS).map(|_| Vec::new()).collect();
    for _ in 0..RECORDS {
        let key = draw(&mut seed) % KEYS;
        let partition = usize::try_from(draw(&mut key.clone())).unwrap() % PARTITIONS;
        let of = &mut records[partition];
        of.push(Item { offset: i64::try_from(of.len()).unwrap(), key: key.to_le_bytes() });
    }
    for records in records {
        let assignment = core.assign(Beginning::default());
        core.deliver(assignment, records);
    }
}

/// How often handlers that all take the same time begin together until all is done.
fn waves(seed: u64) -> usize {
    let bounds = Bounds { concurrency: AT_ONCE, records: RECORDS, bytes: RECORDS, span: 10_000 };
    let retry = RetryPolicy::default();
    let mut core = Core::new(Settings { bounds, retry, most_parked: 1, batch: None }, 7);
    filled(&mut core, seed);
    let mut waves = 0;
    loop {
        let mut begun: Vec<(Assignment, Lane, VecDeque<Item>)> = Vec::new();
        while let Some(unit) = core.next_unit(1) {
            let assignment = unit.assignment;
            begun.extend(unit.runs.into_iter().map(|run| (assignment, run.lane, run.records)));
        }
        if begun.is_empty() {
            return waves;
        }
        waves += 1;
        for (assignment, lane, mut left) in begun {
            let done = left.pop_front().unwrap();
            let end = RunEnd { lane, done: 1, left, failed: None };
            core.report(Report {
                done: vec![done.offset],
                bytes: 1,
                runs: vec![end],
                ..Report::of(assignment)
            });
        }
    }
}

#[test]
fn a_set_ends_with_all_handlers_at_work() {
    let fewest = RECORDS.div_ceil(AT_ONCE);
    for seed in 0..20 {
        assert_eq!(waves(seed), fewest, "seed {seed}");
    }
}
