//! What an exactly-once member can't write, remembered until its source is handled again.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::Failure;
use crate::{kafka::Refused, record::Coordinates};

/// Records that can never be written, by what was handled when they were emitted: handled again, that is
/// rejected.
#[derive(Default)]
pub(super) struct Unwritable {
    count: AtomicUsize,
    kept: Mutex<HashMap<Coordinates, String>>,
}

impl Unwritable {
    /// Beyond so many, those that come again are kept then.
    const MOST: usize = 1_000;

    pub(super) fn keep(&self, refused: Vec<Refused>) {
        let mut kept = self.kept();
        for Refused { source, why, .. } in refused {
            if kept.len() < Self::MOST {
                kept.insert(source, why);
            }
        }
        self.count.store(kept.len(), Ordering::Release);
    }

    /// # Errors
    /// Rejected: what it emits couldn't be written.
    pub(super) fn look(&self, at: &Coordinates) -> Result<(), Failure> {
        if self.count.load(Ordering::Acquire) == 0 {
            return Ok(());
        }
        let mut kept = self.kept();
        let found = kept.remove(at);
        self.count.store(kept.len(), Ordering::Release);
        match found {
            Some(why) => {
                Err(Failure::reject(format_args!("what it emits can't be written: {why}")))
            }
            None => Ok(()),
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Coordinates, String>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
