//! The events that history keeps, and what each one says.

use chrono::{DateTime, Utc};
use orderly_schemas::{
    OrderCancellationRefused, OrderCancellationRequested, OrderCancelled, OrderCollected,
    OrderCompleted, OrderConfirmed, OrderPlaced, OrderRefunded, OrderRejected, OrderReturned,
    ReadyForPickup, StageCompleted, StageQueued, StageStarted,
};
use orderly_sdk::{Event, event_set};

event_set! {
    /// Everything that happens to an order: all of `orders` and of `order-status`.
    pub enum Happened {
        OrderPlaced,
        OrderCancellationRequested,
        OrderCollected,
        OrderReturned,
        OrderConfirmed,
        OrderRejected,
        StageQueued,
        StageStarted,
        StageCompleted,
        ReadyForPickup,
        OrderCompleted,
        OrderCancelled,
        OrderRefunded,
        OrderCancellationRefused,
    }
}

impl Happened {
    /// The order, or the return, that it happened to.
    pub fn order_id(&self) -> &str {
        match self {
            Self::OrderPlaced(e) => e.key(),
            Self::OrderCancellationRequested(e) => e.key(),
            Self::OrderCollected(e) => e.key(),
            Self::OrderReturned(e) => e.key(),
            Self::OrderConfirmed(e) => e.key(),
            Self::OrderRejected(e) => e.key(),
            Self::StageQueued(e) => e.key(),
            Self::StageStarted(e) => e.key(),
            Self::StageCompleted(e) => e.key(),
            Self::ReadyForPickup(e) => e.key(),
            Self::OrderCompleted(e) => e.key(),
            Self::OrderCancelled(e) => e.key(),
            Self::OrderRefunded(e) => e.key(),
            Self::OrderCancellationRefused(e) => e.key(),
        }
    }

    /// Its type without the namespace: `OrderPlaced`.
    pub fn event_type(&self) -> &'static str {
        let full = match self {
            Self::OrderPlaced(_) => OrderPlaced::TYPE,
            Self::OrderCancellationRequested(_) => OrderCancellationRequested::TYPE,
            Self::OrderCollected(_) => OrderCollected::TYPE,
            Self::OrderReturned(_) => OrderReturned::TYPE,
            Self::OrderConfirmed(_) => OrderConfirmed::TYPE,
            Self::OrderRejected(_) => OrderRejected::TYPE,
            Self::StageQueued(_) => StageQueued::TYPE,
            Self::StageStarted(_) => StageStarted::TYPE,
            Self::StageCompleted(_) => StageCompleted::TYPE,
            Self::ReadyForPickup(_) => ReadyForPickup::TYPE,
            Self::OrderCompleted(_) => OrderCompleted::TYPE,
            Self::OrderCancelled(_) => OrderCancelled::TYPE,
            Self::OrderRefunded(_) => OrderRefunded::TYPE,
            Self::OrderCancellationRefused(_) => OrderCancellationRefused::TYPE,
        };
        full.rsplit('.').next().unwrap_or(full)
    }

    /// Why, where the event says so.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::OrderCancellationRequested(e) => e.reason.as_deref(),
            Self::OrderReturned(e) => e.reason.as_deref(),
            Self::OrderRejected(e) => Some(&e.reason),
            Self::OrderCancelled(e) => Some(&e.reason),
            Self::OrderCancellationRefused(e) => Some(&e.reason),
            _ => None,
        }
    }

    /// The station that a stage began on.
    pub(crate) fn station(&self) -> Option<i32> {
        match self {
            Self::StageStarted(e) => e.station,
            _ => None,
        }
    }

    /// How many were in line before it, of one that gets in line.
    pub(crate) fn ahead(&self) -> Option<i32> {
        match self {
            Self::StageQueued(e) => Some(e.ahead),
            _ => None,
        }
    }

    /// When what begins with it is due to be over.
    pub(crate) fn due_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::OrderConfirmed(e) => e.ready_at,
            Self::StageStarted(e) => Some(e.ends_at),
            _ => None,
        }
    }
}
