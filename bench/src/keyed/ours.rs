//! Our side: a handler that waits, and looks whether its key goes in order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use orderly_sdk::consume::{Context, Failure, Handler, Limits};

use super::{Kind, LastOfKeys, ideal::KEYS};
use crate::{
    Error,
    event::Measured,
    ours::{self, Set},
    round::Round,
    tally::Tally,
    waiting::wait,
};

/// Stands for a key at work.
const BUSY: i64 = 1 << 40;

pub(super) async fn round(
    set: &Set,
    number: u32,
    kind: Kind,
    limit: Duration,
) -> Result<Round, Error> {
    let tally = Arc::new(Tally::of(set.records));
    let faults = Arc::new(AtomicU64::new(0));
    let handler = Waiting {
        tally: Arc::clone(&tally),
        time: kind.wait,
        last: (0..KEYS).map(|_| AtomicI64::new(-1)).collect(),
        faults: Arc::clone(&faults),
    };
    let limits = Limits { concurrency: kind.concurrency, ..Limits::default() };
    let round = ours::round(set, &format!("ours-{number}"), limits, handler, &tally, limit).await?;
    match faults.load(Ordering::Relaxed) {
        0 => Ok(round),
        count => Err(format!("{count} records ran out of their key's order, or beside it").into()),
    }
}

struct Waiting {
    tally: Arc<Tally>,
    time: Duration,
    last: LastOfKeys,
    faults: Arc<AtomicU64>,
}

impl Handler<Measured> for Waiting {
    async fn handle(&self, _: &mut Context<'_>, event: Measured) -> Result<(), Failure> {
        self.tally.begin();
        let (last, number) = (&self.last[event.key_number()], event.number().cast_signed());
        // Busy already, or at a later record: both are above.
        if last.swap(BUSY, Ordering::AcqRel) >= number {
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
        wait(self.time).await;
        last.store(number, Ordering::Release);
        self.tally.done(event.number());
        Ok(())
    }
}
