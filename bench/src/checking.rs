//! Reads a topic to its end: each record once, and each key in its order.

use std::{
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use orderly_sdk::{
    Event,
    consume::{Consumer, Context, Failure, Handler, Limits},
};

use crate::{
    Error,
    event::Measured,
    ours::{Member, Set},
    tally::Tally,
};

/// Who reads.
pub(crate) const GROUP: &str = "checking";
/// From the first record on.
const LIMIT: Duration = Duration::from_secs(60);

/// An event that may be one of a set's.
pub(crate) trait Checked: Event {
    /// What it is counted by; `None`: it isn't to be counted.
    fn counted(&self) -> Option<&Measured>;
}

/// Goes on where it ended last, so that what came since is what there is to be read. Its group's topics
/// must be there. An error where a record is missing, came twice, or behind a later one of its key, of
/// so many keys.
pub(crate) async fn read<E: Checked>(set: &Set, keys: u32) -> Result<(), Error> {
    let tally = Arc::new(Tally::of(set.records));
    let faults = Arc::new(AtomicU64::new(0));
    let handler = Checking {
        tally: Arc::clone(&tally),
        last: (0..keys).map(|_| AtomicI64::new(-1)).collect(),
        faults: Arc::clone(&faults),
        of: PhantomData::<fn(E)>,
    };
    let consumer = Consumer::new(GROUP, &set.config).limited(Limits::default());
    let member = Member::run(consumer.on::<E>(handler));
    let waited = tally.wait(LIMIT).await;
    let read = tally.round();
    member.leave().await?;
    waited?;
    let read = read?;
    match faults.load(Ordering::Relaxed) {
        0 if read.is_cut => {
            Err(format!("only {} of {} records are in the topic", read.records, set.records).into())
        }
        0 => Ok(()),
        count => Err(format!("{count} records aren't in their key's order").into()),
    }
}

struct Checking<E> {
    tally: Arc<Tally>,
    last: Box<[AtomicI64]>,
    faults: Arc<AtomicU64>,
    of: PhantomData<fn(E)>,
}

impl<E: Checked> Handler<E> for Checking<E> {
    async fn handle(&self, _: &mut Context<'_>, event: E) -> Result<(), Failure> {
        let Some(event) = event.counted() else { return Ok(()) };
        self.tally.begin();
        let (last, number) = (&self.last[event.key_number()], event.number());
        if last.swap(number.cast_signed(), Ordering::AcqRel) >= number.cast_signed() {
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
        self.tally.done(number);
        Ok(())
    }
}
