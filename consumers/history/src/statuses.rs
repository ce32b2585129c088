//! What status an order has once an event of `order-status` happened to it.

use crate::Happened;

/// Of an order that nothing on `order-status` is known of yet.
pub(crate) const PLACED: &str = "placed";
/// It will be made.
pub(crate) const CONFIRMED: &str = "confirmed";
/// It waits for a station of its stage.
pub(crate) const QUEUED: &str = "queued";
/// It is in a stage, or on its way to the next.
pub(crate) const IN_PROGRESS: &str = "in_progress";

/// What an event of `order-status` says. An order's status is that of its highest sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status<'a> {
    /// `None`: the order stays as it is.
    pub(crate) word: Option<&'static str>,
    pub(crate) stage: Option<&'a str>,
    pub(crate) sequence: i64,
    pub(crate) caused_by: &'a str,
}

impl Happened {
    pub(crate) fn status(&self) -> Option<Status<'_>> {
        let (word, stage, sequence, caused_by) = match self {
            Self::OrderPlaced(_)
            | Self::OrderCancellationRequested(_)
            | Self::OrderCollected(_)
            | Self::OrderReturned(_) => return None,
            Self::OrderConfirmed(e) => (Some(CONFIRMED), None, e.sequence, &e.caused_by),
            Self::OrderRejected(e) => (Some("rejected"), None, e.sequence, &e.caused_by),
            Self::StageQueued(e) => (Some(QUEUED), Some(&*e.stage), e.sequence, &e.caused_by),
            Self::StageStarted(e) => (Some(IN_PROGRESS), Some(&*e.stage), e.sequence, &e.caused_by),
            Self::StageCompleted(e) => {
                (Some(IN_PROGRESS), Some(&*e.stage), e.sequence, &e.caused_by)
            }
            Self::ReadyForPickup(e) => (Some("ready"), None, e.sequence, &e.caused_by),
            Self::OrderCompleted(e) => (Some("completed"), None, e.sequence, &e.caused_by),
            Self::OrderCancelled(e) => (Some("cancelled"), None, e.sequence, &e.caused_by),
            Self::OrderRefunded(e) => (Some("refunded"), None, e.sequence, &e.caused_by),
            Self::OrderCancellationRefused(e) => (None, None, e.sequence, &e.caused_by),
        };
        Some(Status { word, stage, sequence, caused_by })
    }
}
