//! What became of each order that was handed in, as its sender knows it.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

/// One order handed in.
pub(super) struct Intake {
    pub(super) outcome: Outcome,
    /// Until its outcome was known.
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
    /// Event id and whether mails are sent, by order id.
    pub(super) accepted: BTreeMap<String, (String, bool)>,
    pub(super) accept_micros: Vec<u64>,
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
    pub(super) fn add(&mut self, intake: Intake) {
        self.counts.submitted += 1;
        self.accept_micros.push(u64::try_from(intake.took.as_micros()).unwrap_or(u64::MAX));
        match intake.outcome {
            Outcome::Accepted { order_id, event_id } => {
                self.counts.accepted += 1;
                self.accepted.insert(order_id, (event_id, intake.mails));
            }
            Outcome::Rejected => self.counts.rejected += 1,
            Outcome::Unknown => self.counts.unknown += 1,
        }
    }
}
