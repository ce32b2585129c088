//! How far each partition was read.

use std::sync::atomic::{AtomicI64, Ordering};

/// By partition, the offset behind what is held; below zero where nothing is known yet.
pub(super) struct ReadTo {
    next: Vec<AtomicI64>,
}

impl ReadTo {
    pub(super) fn nothing_of(partitions: i32) -> Self {
        Self { next: (0..partitions).map(|_| AtomicI64::new(-1)).collect() }
    }

    pub(super) fn partitions(&self) -> std::ops::Range<i32> {
        0..i32::try_from(self.next.len()).unwrap_or(i32::MAX)
    }

    pub(super) fn get(&self, partition: i32) -> Option<i64> {
        let next = self.of(partition)?.load(Ordering::Acquire);
        (next >= 0).then_some(next)
    }

    /// What is before that offset is held by now.
    pub(super) fn set(&self, partition: i32, next: i64) {
        if let Some(of) = self.of(partition) {
            of.store(next, Ordering::Release);
        }
    }

    fn of(&self, partition: i32) -> Option<&AtomicI64> {
        self.next.get(usize::try_from(partition).ok()?)
    }
}
