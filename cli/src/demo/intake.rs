//! What became of each order that was handed in, as its sender knows it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde::Serialize;

/// One order handed in.
pub(super) struct Intake {
    pub(super) outcome: Outcome,
    /// When it was meant to be sent.
    pub(super) sent: Instant,
    /// From then until its outcome was known.
    pub(super) took: Duration,
    /// Mails are to be sent for it.
    pub(super) mails: bool,
}

/// Its sender's view of it.
pub(super) enum Outcome {
    Accepted { order_id: String, event_id: String },
    Rejected,
    Unknown,
}

/// All that was handed in.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) counts: Counts,
    /// By order id.
    pub(super) accepted: BTreeMap<String, Accepted>,
    pub(super) accept_micros: Vec<u64>,
}

/// An order that its sender was told is accepted.
pub(super) struct Accepted {
    pub(super) event_id: String,
    /// Mails are to be sent for it.
    pub(super) mails: bool,
    pub(super) sent: Instant,
}

/// `orders` of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Handed in.
    pub submitted: u64,
    /// Acknowledged.
    pub accepted: u64,
    /// Refused, and surely not written.
    pub rejected: u64,
    /// Neither.
    pub unknown: u64,
}

impl Taken {
    /// Whether mails are to be sent for that order.
    pub(super) fn gets_mails(&self, order_id: &str) -> bool {
        self.accepted.get(order_id).is_some_and(|accepted| accepted.mails)
    }

    pub(super) fn add(&mut self, intake: Intake) {
        self.counts.submitted += 1;
        self.accept_micros.push(u64::try_from(intake.took.as_micros()).unwrap_or(u64::MAX));
        let Intake { outcome, mails, sent, .. } = intake;
        match outcome {
            Outcome::Accepted { order_id, event_id } => {
                self.counts.accepted += 1;
                self.accepted.insert(order_id, Accepted { event_id, mails, sent });
            }
            Outcome::Rejected => self.counts.rejected += 1,
            Outcome::Unknown => self.counts.unknown += 1,
        }
    }
}
