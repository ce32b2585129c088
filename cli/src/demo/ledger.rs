//! What the topics say, order by order, as it was read along. Pure.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    time::Instant,
};

use orderly_schemas::{
    OrderCancellationRequested, OrderCancelled, OrderCollected, OrderCompleted, OrderConfirmed,
    OrderPlaced, OrderRefunded, OrderRejected, OrderReturned, ReadyForPickup, StageCompleted,
    StageStarted,
};
use orderly_sdk::{EventId, consume::Received, event_set};

event_set! {
    /// Everything on `orders` and `order-status`.
    pub enum Observed {
        OrderPlaced,
        OrderCancellationRequested,
        OrderCollected,
        OrderReturned,
        OrderConfirmed,
        OrderRejected,
        StageStarted,
        StageCompleted,
        ReadyForPickup,
        OrderCompleted,
        OrderCancelled,
        OrderRefunded,
    }
}

/// Everything read so far.
#[derive(Default)]
pub struct Ledger {
    pub(super) orders: BTreeMap<String, Trail>,
    pub(super) returns: BTreeMap<String, Vec<EventId>>,
    /// Records read.
    pub(super) records: u64,
    /// Events of `order-status`, each id once.
    pub(super) statuses: u64,
    /// Records with an event id that was there before.
    pub(super) resent: u64,
    /// Orders placed that came to their end.
    pub(super) ended: u64,
    pub(super) tallies: Ends,
    seen: HashSet<EventId>,
}

/// How orders ended.
#[derive(Clone, Copy, Default)]
pub(super) struct Ends {
    pub(super) completed: u64,
    pub(super) rejected: u64,
    pub(super) cancelled: u64,
}

/// One order.
#[derive(Default)]
pub(super) struct Trail {
    /// Event ids of its OrderPlaced, each once.
    pub(super) placed: Vec<EventId>,
    pub(super) historic: bool,
    /// Its statuses in the order of the topic, each event id once.
    pub(super) told: Vec<Told>,
    /// Events of `orders` beside the placing, each id once.
    pub(super) asked: Vec<EventId>,
    /// When its completion was read.
    pub(super) completed: Option<Instant>,
}

/// A status.
pub(super) struct Told {
    pub(super) id: EventId,
    pub(super) sequence: i64,
    pub(super) step: Step,
}

/// What a status says, but for when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Confirmed,
    Rejected,
    Started(String),
    Finished(String),
    Ready,
    Completed,
    Cancelled,
    Refunded,
}

impl Step {
    /// Nothing but a refund comes after it.
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Completed | Self::Rejected | Self::Cancelled)
    }

    /// The customer is written a mail.
    pub(super) fn is_mailed(&self) -> bool {
        matches!(self, Self::Confirmed | Self::Ready | Self::Rejected)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Confirmed => f.write_str("OrderConfirmed"),
            Self::Rejected => f.write_str("OrderRejected"),
            Self::Started(stage) => write!(f, "StageStarted({stage})"),
            Self::Finished(stage) => write!(f, "StageCompleted({stage})"),
            Self::Ready => f.write_str("ReadyForPickup"),
            Self::Completed => f.write_str("OrderCompleted"),
            Self::Cancelled => f.write_str("OrderCancelled"),
            Self::Refunded => f.write_str("OrderRefunded"),
        }
    }
}

impl Ledger {
    /// Takes down what was read at `now`.
    pub(super) fn see(&mut self, received: &Received<Observed>, now: Instant) {
        self.records += 1;
        let id = received.meta.id;
        if !self.seen.insert(id) {
            self.resent += 1;
            return;
        }
        match &received.event {
            Observed::OrderPlaced(event) => {
                let trail = self.orders.entry(event.order_id.clone()).or_default();
                trail.placed.push(id);
                trail.historic |= received.meta.historic;
                if trail.is_ended() && trail.placed.len() == 1 {
                    self.ended += 1;
                }
            }
            Observed::OrderReturned(event) => {
                self.returns.entry(event.order_id.clone()).or_default().push(id);
            }
            Observed::OrderCollected(event) => self.ask(&event.order_id, id),
            Observed::OrderCancellationRequested(event) => self.ask(&event.order_id, id),
            Observed::OrderConfirmed(e) => {
                self.tell(&e.order_id, id, e.sequence, Step::Confirmed, now);
            }
            Observed::OrderRejected(e) => {
                self.tell(&e.order_id, id, e.sequence, Step::Rejected, now);
            }
            Observed::StageStarted(e) => {
                self.tell(&e.order_id, id, e.sequence, Step::Started(e.stage.clone()), now);
            }
            Observed::StageCompleted(e) => {
                self.tell(&e.order_id, id, e.sequence, Step::Finished(e.stage.clone()), now);
            }
            Observed::ReadyForPickup(e) => {
                self.tell(&e.order_id, id, e.sequence, Step::Ready, now);
            }
            Observed::OrderCompleted(e) => {
                self.tell(&e.order_id, id, e.sequence, Step::Completed, now);
            }
            Observed::OrderCancelled(e) => {
                self.tell(&e.order_id, id, e.sequence, Step::Cancelled, now);
            }
            Observed::OrderRefunded(e) => {
                self.tell(&e.order_id, id, e.sequence, Step::Refunded, now);
            }
        }
    }

    /// Mails that are owed for what was read so far, given which orders get mails.
    pub(super) fn mails_owed(&self, gets_mails: impl Fn(&str) -> bool) -> u64 {
        let owed = |trail: &Trail| trail.told.iter().filter(|told| told.step.is_mailed()).count();
        let orders = self.orders.iter().filter(|(id, trail)| !trail.historic && gets_mails(id));
        orders.map(|(_, trail)| owed(trail) as u64).sum()
    }

    fn ask(&mut self, order_id: &str, id: EventId) {
        self.orders.entry(order_id.to_owned()).or_default().asked.push(id);
    }

    fn tell(&mut self, order_id: &str, id: EventId, sequence: i64, step: Step, now: Instant) {
        self.statuses += 1;
        let trail = self.orders.entry(order_id.to_owned()).or_default();
        match step {
            Step::Completed => self.tallies.completed += 1,
            Step::Rejected => self.tallies.rejected += 1,
            Step::Cancelled => self.tallies.cancelled += 1,
            _ => {}
        }
        if step == Step::Completed {
            trail.completed.get_or_insert(now);
        }
        let was_ended = trail.is_ended();
        trail.told.push(Told { id, sequence, step });
        if !was_ended && trail.is_ended() && !trail.placed.is_empty() {
            self.ended += 1;
        }
    }
}

impl Trail {
    pub(super) fn is_ended(&self) -> bool {
        self.told.iter().any(|told| told.step.is_end())
    }
}
