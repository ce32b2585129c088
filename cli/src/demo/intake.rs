//! What became of each order that was handed in, as its sender knows it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use orderly_schemas::Channel;
use serde::Serialize;
use serde_json::{Map, Value};

use super::step::Step;

/// By which customers are told.
pub(super) const CHANNELS: [Channel; 3] = [Channel::Email, Channel::Sms, Channel::Webhook];

/// How far a run is, for whoever watches it from beside. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    seen: Arc<Mutex<Seen>>,
    is_enough: Arc<AtomicBool>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Orders that were sent.
    pub sent: u64,
    /// Of them those whose outcome is known.
    pub answered: u64,
    /// Of them those that were accepted.
    pub accepted: u64,
    /// Orders that came to their end, by the topics.
    pub ended: u64,
}

impl Watched {
    /// As of now.
    pub fn seen(&self) -> Seen {
        *self.lock()
    }

    /// Ends the load early: no further order is generated, those that were sent get their answers.
    pub fn call_it_enough(&self) {
        self.is_enough.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_enough(&self) -> bool {
        self.is_enough.load(Ordering::Relaxed)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One order handed in.
pub(super) struct Intake {
    pub(super) outcome: Outcome,
    /// When it was meant to be sent.
    pub(super) sent: Instant,
    /// From then until its outcome was known.
    pub(super) took: Duration,
    /// Where its customer is told.
    pub(super) to: Reach,
}

/// Where a customer is told of an order; nowhere by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) mail: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) hook: Option<String>,
}

impl Reach {
    /// By that channel.
    pub(super) fn by(&self, channel: Channel) -> Option<&str> {
        match channel {
            Channel::Email => self.mail.as_deref(),
            Channel::Sms => self.phone.as_deref(),
            Channel::Webhook => self.hook.as_deref(),
            Channel::Unknown => None,
        }
    }

    /// As it stands in an order.
    pub(super) fn contact(&self) -> Value {
        let mut contact = Map::new();
        let ways = [("email", &self.mail), ("phone", &self.phone), ("callback_url", &self.hook)];
        for (name, way) in ways {
            if let Some(way) = way {
                contact.insert(name.to_owned(), way.as_str().into());
            }
        }
        contact.into()
    }
}

/// Its sender's view of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Accepted {
        order_id: String,
        event_id: String,
    },
    /// It is no order but a return, and accepted.
    Returned,
    Rejected,
    Unknown,
}

/// All that was handed in.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) counts: Counts,
    /// By order id.
    pub(super) accepted: BTreeMap<String, Accepted>,
    /// Returns that were accepted; `counts` are of orders alone.
    pub(super) returns: u64,
    pub(super) accept_micros: Vec<u64>,
}

/// An order that its sender was told is accepted.
pub(super) struct Accepted {
    pub(super) event_id: String,
    /// Where its customer is told.
    pub(super) to: Reach,
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
    /// Messages that are to be sent when that order takes a step.
    pub(super) fn messages_for(&self, order_id: &str, step: &Step) -> u64 {
        let Some(Accepted { to, .. }) = self.accepted.get(order_id) else { return 0 };
        let is_owed =
            |channel: &Channel| to.by(*channel).is_some() && step.template_for(*channel).is_some();
        CHANNELS.iter().filter(|channel| is_owed(channel)).count() as u64
    }

    pub(super) fn add(&mut self, intake: Intake) {
        let Intake { outcome, to, sent, took } = intake;
        if outcome != Outcome::Returned {
            self.counts.submitted += 1;
            self.accept_micros.push(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
        match outcome {
            Outcome::Accepted { order_id, event_id } => {
                self.counts.accepted += 1;
                self.accepted.insert(order_id, Accepted { event_id, to, sent });
            }
            Outcome::Returned => self.returns += 1,
            Outcome::Rejected => self.counts.rejected += 1,
            Outcome::Unknown => self.counts.unknown += 1,
        }
    }
}
