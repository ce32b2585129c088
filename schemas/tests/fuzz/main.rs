//! Bytes that hostile or broken writers send, to the decoder of every event: never a panic, and never
//! much more memory than the bytes take. `ORDERLY_FUZZ_SECONDS` says how long it is tried, 2 without it.
//!
//! A binary of its own: what is allocated is counted for the whole process.

#![allow(clippy::unwrap_used)]

use std::{
    alloc::System,
    env,
    time::{Duration, Instant},
};

use orderly_sdk::{Event, codec::Schema};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use samples::Samples;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[macro_use]
#[path = "../samples/mod.rs"]
mod samples;

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What decoding one payload may allocate, all of its lists together and grown step by step.
const MOST_ALLOCATED: usize = 4 * 1024 * 1024;
const LONGEST: usize = 4_096;

/// What is done to valid bytes, at a place that wraps around.
#[derive(Clone, Debug)]
enum Change {
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Cut(usize, usize),
    Repeat(usize, usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let len = bytes.len().max(1);
        match self {
            Self::Set(place, byte) => {
                if let Some(it) = bytes.get_mut(place % len) {
                    *it = *byte;
                }
            }
            Self::Insert(place, more) => {
                let place = (place % len).min(bytes.len());
                bytes.splice(place..place, more.iter().copied());
            }
            Self::Cut(place, count) => {
                let from = (place % len).min(bytes.len());
                let to = (from + count).min(bytes.len());
                bytes.drain(from..to);
            }
            Self::Repeat(place, count) => {
                let from = (place % len).min(bytes.len());
                let to = (from + count).min(bytes.len());
                let again = bytes[from..to].to_vec();
                bytes.splice(from..from, again);
            }
        }
        bytes.truncate(LONGEST);
    }
}

fn change() -> impl Strategy<Value = Change> {
    let few = 0..32_usize;
    // Numbers at the edges of what Avro's variable length can say.
    let number = prop_oneof![
        any::<[u8; 2]>().prop_map(Vec::from),
        (0..10_usize).prop_map(|more| [vec![0xff; more], vec![0x7f]].concat()),
        (0..10_usize).prop_map(|more| [vec![0xfe; more], vec![0x01]].concat()),
    ];
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(place, byte)| Change::Set(place, byte)),
        (any::<usize>(), number).prop_map(|(place, more)| Change::Insert(place, more)),
        (any::<usize>(), few.clone()).prop_map(|(place, count)| Change::Cut(place, count)),
        (any::<usize>(), few).prop_map(|(place, count)| Change::Repeat(place, count)),
    ]
}

fn seconds() -> Duration {
    let given = env::var("ORDERLY_FUZZ_SECONDS").ok();
    Duration::from_secs_f64(given.map_or(2.0, |given| given.parse().unwrap()))
}

/// Decodes for `time`: half of it what was changed, half of it what was never an event.
fn decode_for<E: Samples>(time: Duration) {
    let (schema, until) = (Schema::parse(E::SCHEMA).unwrap(), Instant::now() + time);
    let valid = E::both().map(|event| {
        let mut datum = Vec::new();
        schema.encode(&event, &mut datum).unwrap();
        datum
    });
    let mut runner = TestRunner::new(Config { cases: 32, ..Config::default() });
    while Instant::now() < until {
        let changed = (0..2_usize, vec(change(), 1..8));
        let ran = runner.run(&changed, |(which, changes)| {
            let mut datum = valid[which].clone();
            for change in &changes {
                change.apply(&mut datum);
            }
            is_bounded::<E>(&schema, &datum)
        });
        ran.unwrap_or_else(|why| panic!("{}, changed: {why}", E::TYPE));
        let ran = runner.run(&vec(any::<u8>(), 0..512), |datum| is_bounded::<E>(&schema, &datum));
        ran.unwrap_or_else(|why| panic!("{}, random: {why}", E::TYPE));
    }
}

fn is_bounded<E: Event>(schema: &Schema, datum: &[u8]) -> Result<(), TestCaseError> {
    let region = Region::new(COUNTED);
    let read = schema.decode::<E>(datum);
    let allocated = region.change().bytes_allocated;
    drop(read);
    prop_assert!(allocated <= MOST_ALLOCATED, "{allocated} bytes for {}", datum.len());
    Ok(())
}

#[test]
fn no_bytes_make_a_decoder_panic_or_take_much_memory() {
    macro_rules! decode_each {
        ($($event:ident)+) => {{
            let types: &[fn(Duration)] = &[$(decode_for::<orderly_schemas::$event>),+];
            let each = seconds() / u32::try_from(types.len()).unwrap();
            for decode in types {
                decode(each);
            }
            types.len()
        }};
    }
    let tried = decode_each!(
        ContactGiven NotificationSent OrderCancellationRefused OrderCancellationRequested
        OrderCancelled OrderCollected OrderCompleted OrderConfirmed OrderPlaced OrderRefunded
        OrderRejected OrderReturned ProductChanged ReadyForPickup StageCompleted StageQueued
        StageStarted StockCounted UserChanged
    );
    assert_eq!(tried, for_every_event!(counted).len());
}

fn counted<E: Samples>() -> &'static str {
    E::FILLED_KEY
}
