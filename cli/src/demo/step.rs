//! What a status says of an order, whatever it says of when.

use std::fmt;

use orderly_schemas::Channel;

/// A step of an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Confirmed,
    Rejected,
    Queued(String),
    Started(String),
    Finished(String),
    Ready,
    Completed,
    Cancelled,
    Refunded,
    CancellationRefused,
}

impl Step {
    /// Nothing but a refund comes after it.
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Completed | Self::Rejected | Self::Cancelled)
    }

    /// The template of what the customer is told by that channel; `None`: nothing.
    pub(super) fn template_for(&self, channel: Channel) -> Option<&'static str> {
        match (self, channel) {
            (Self::Confirmed, _) => Some("confirmed"),
            (Self::Ready, _) => Some("ready"),
            (Self::Rejected, _) => Some("rejected"),
            (Self::Cancelled, _) => Some("cancelled"),
            (Self::Completed, Channel::Webhook) => Some("completed"),
            (Self::Refunded, Channel::Webhook) => Some("refunded"),
            _ => None,
        }
    }

    /// The order's status in history once this stands; `None`: what it was.
    pub(super) fn word(&self) -> Option<&'static str> {
        Some(match self {
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Queued(_) => "queued",
            Self::Started(_) | Self::Finished(_) => "in_progress",
            Self::Ready => "ready",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
            Self::CancellationRefused => return None,
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Confirmed => f.write_str("OrderConfirmed"),
            Self::Rejected => f.write_str("OrderRejected"),
            Self::Queued(stage) => write!(f, "StageQueued({stage})"),
            Self::Started(stage) => write!(f, "StageStarted({stage})"),
            Self::Finished(stage) => write!(f, "StageCompleted({stage})"),
            Self::Ready => f.write_str("ReadyForPickup"),
            Self::Completed => f.write_str("OrderCompleted"),
            Self::Cancelled => f.write_str("OrderCancelled"),
            Self::Refunded => f.write_str("OrderRefunded"),
            Self::CancellationRefused => f.write_str("OrderCancellationRefused"),
        }
    }
}
