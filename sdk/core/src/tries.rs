//! How often the record at hand was tried, and what follows from one more failure; for a live queue
//! and for a redrive alike.

use std::time::Duration;

use crate::{Decision, core::Shared};

/// Of the first record of a queue, or of the dead letter of a redrive.
#[derive(Default)]
pub(crate) struct Tries {
    /// Runs that failed and count.
    pub(crate) attempts: u32,
    /// Runs that failed, also those that don't count.
    pub(crate) in_a_row: u32,
    /// It waits for a part that is away.
    pub(crate) is_unavailable: bool,
}

impl Tries {
    /// A run failed. When it is tried again; `None`: never.
    pub(crate) fn failed<R>(
        &mut self,
        decision: Decision,
        shared: &mut Shared<R>,
    ) -> Option<Duration> {
        self.waits_for_part(decision == Decision::Unavailable, shared);
        self.in_a_row = self.in_a_row.saturating_add(1);
        let counts = matches!(decision, Decision::Retry | Decision::Reject);
        self.attempts += u32::from(counts);
        let is_over = decision == Decision::Reject
            || (counts && self.attempts >= shared.settings.retry.attempts);
        (!is_over).then(|| shared.due(decision, self.in_a_row))
    }

    /// It is done, or given up: what comes next wasn't tried yet.
    pub(crate) fn end<R>(&mut self, shared: &mut Shared<R>) {
        self.waits_for_part(false, shared);
        (self.attempts, self.in_a_row) = (0, 0);
    }

    fn waits_for_part<R>(&mut self, waits: bool, shared: &mut Shared<R>) {
        match (std::mem::replace(&mut self.is_unavailable, waits), waits) {
            (false, true) => shared.unavailable += 1,
            (true, false) => shared.part_is_back(),
            _ => {}
        }
    }
}
