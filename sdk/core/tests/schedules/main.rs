//! Members, crashes, rebalances, failures and redrives in any order: a seed is a schedule.
//!
//! `ORDERLY_SEED=n` replays one, `ORDERLY_SCHEDULES=n` tries so many.

mod member;
mod world;

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
};

use orderly_core::Fault;
use world::World;

const SCHEDULES: u64 = 2_000;

/// The first seed whose schedule breaks a promise, and how.
fn first_broken(
    fault: Option<Fault>,
    seeds: impl IntoIterator<Item = u64>,
) -> Option<(u64, String)> {
    seeds.into_iter().find_map(|seed| {
        let ran = catch_unwind(AssertUnwindSafe(|| {
            Fault::plant(fault);
            World::new(seed).run()
        }));
        Fault::plant(None);
        let why = match ran {
            Ok(Ok(())) => return None,
            Ok(Err(broken)) => broken,
            Err(panic) => match panic.downcast::<String>() {
                Ok(text) => format!("panicked: {text}"),
                Err(_) => "panicked".to_owned(),
            },
        };
        Some((seed, why))
    })
}

fn seeds() -> std::ops::Range<u64> {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    match number("ORDERLY_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = fastrand::u64(..1 << 40);
            first..first + number("ORDERLY_SCHEDULES").unwrap_or(SCHEDULES)
        }
    }
}

#[test]
fn every_schedule_keeps_the_promises() {
    let seeds = seeds();
    println!("seeds {seeds:?}");
    if let Some((seed, why)) = first_broken(None, seeds) {
        panic!("ORDERLY_SEED={seed}: {why}");
    }
}

fn is_caught(fault: Fault) {
    let first = fastrand::u64(..1 << 40);
    let found = first_broken(Some(fault), first..first + SCHEDULES);
    let (seed, why) = found.unwrap_or_else(|| panic!("{fault:?} in {SCHEDULES} schedules: unseen"));
    println!("{fault:?}: schedule {} of seed {seed}: {why}", seed - first + 1);
    assert_eq!(first_broken(None, [seed]), None, "the same schedule without the bug");
}

#[test]
fn a_commit_past_a_gap_is_caught() {
    is_caught(Fault::CommitPastGap);
}

#[test]
fn an_ignored_epoch_is_caught() {
    is_caught(Fault::IgnoreEpoch);
}

#[test]
fn a_forgotten_parked_key_is_caught() {
    is_caught(Fault::ForgetParked);
}

#[test]
fn a_key_unparked_too_early_is_caught() {
    is_caught(Fault::UnparkEarly);
}

#[test]
fn a_partition_that_goes_on_beyond_its_span_is_caught() {
    is_caught(Fault::ForgetSpan);
}
