//! What was told to one stream, whoever told it: each event once, each topic in its own sequence, and
//! none before the one that caused it.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use axum::response::sse::Event;
use orderly_sdk::EventId;
use tokio::time::Instant;

use super::{Happening, Place, Topic, status::status_after};

/// How long a status waits for what caused it: that is on another topic, and may be read later. What
/// never comes is an event of something else, as the return that a refund followed from.
const LONGEST_HELD: Duration = Duration::from_millis(500);

pub(super) struct Joined {
    place: Place,
    told: HashSet<EventId>,
    status: Option<&'static str>,
    sequence: Option<i64>,
    /// Statuses whose cause isn't told yet, and those behind them.
    held: VecDeque<(Arc<Happening>, Instant)>,
    out: VecDeque<Event>,
}

impl Joined {
    /// Goes on there.
    pub(super) fn from(place: Place) -> Self {
        Self {
            place,
            told: HashSet::new(),
            status: None,
            sequence: None,
            held: VecDeque::new(),
            out: VecDeque::new(),
        }
    }

    /// Takes what history has kept. What is new comes as it happened.
    pub(super) fn take_kept(&mut self, kept: Vec<Happening>) {
        for happening in in_order(kept) {
            self.take(Arc::new(happening));
        }
    }

    pub(super) fn take(&mut self, happening: Arc<Happening>) {
        if self.place.is_behind(happening.topic, happening.offset) {
            // Told before, maybe by another replica.
            self.note(&happening);
            return;
        }
        let is_held = self.held.iter().any(|(held, _)| held.id == happening.id);
        if is_held || self.told.contains(&happening.id) {
            return;
        }
        match happening.topic {
            Topic::Orders => {
                self.tell(&happening);
                self.release(|joined, held, _| joined.knows_cause_of(held));
            }
            Topic::Statuses if self.held.is_empty() && self.knows_cause_of(&happening) => {
                self.tell(&happening);
            }
            Topic::Statuses => {
                self.held.push_back((happening, Instant::now() + LONGEST_HELD));
            }
        }
    }

    /// The first of what is held is waited for until then.
    pub(super) fn held_until(&self) -> Option<Instant> {
        self.held.front().map(|(_, until)| *until)
    }

    /// What is to go out next.
    pub(super) fn next(&mut self) -> Option<Event> {
        if self.out.is_empty() {
            let now = Instant::now();
            self.release(|joined, held, until| until <= now || joined.knows_cause_of(held));
        }
        self.out.pop_front()
    }

    fn release(&mut self, may_go: impl Fn(&Self, &Happening, Instant) -> bool) {
        while let Some((first, until)) = self.held.front()
            && may_go(self, first, *until)
        {
            if let Some((first, _)) = self.held.pop_front() {
                self.tell(&first);
            }
        }
    }

    fn knows_cause_of(&self, happening: &Happening) -> bool {
        happening.caused_by.is_none_or(|cause| self.told.contains(&cause))
    }

    fn tell(&mut self, happening: &Happening) {
        self.note(happening);
        self.place.pass(happening.topic, happening.offset);
        let event = happening.event(None, self.status).id(self.place.to_string());
        self.out.push_back(event);
    }

    /// An order's status is that of its highest sequence.
    fn note(&mut self, happening: &Happening) {
        if !self.told.insert(happening.id) {
            return;
        }
        let Some(status) = status_after(&happening.entry.r#type) else { return };
        let is_latest = match happening.topic {
            Topic::Orders => self.sequence.is_none(),
            Topic::Statuses => happening.entry.sequence >= self.sequence,
        };
        if is_latest {
            self.status = Some(status);
            self.sequence = happening.entry.sequence.or(self.sequence);
        }
    }
}

/// Each topic by offset, and the two by time; but none before what caused it: clocks of different
/// services differ.
fn in_order(kept: Vec<Happening>) -> Vec<Happening> {
    let (mut orders, mut statuses): (Vec<_>, Vec<_>) =
        kept.into_iter().partition(|happening| happening.topic == Topic::Orders);
    orders.sort_by_key(|happening| happening.offset);
    statuses.sort_by_key(|happening| happening.offset);
    let mut statuses = VecDeque::from(statuses);
    let mut merged = Vec::with_capacity(orders.len() + statuses.len());
    let mut orders = VecDeque::from(orders);
    while let (Some(order), Some(status)) = (orders.front(), statuses.front()) {
        let has_cause = orders.iter().any(|other| status.caused_by == Some(other.id));
        let is_first = has_cause || order.entry.at <= status.entry.at;
        merged.extend(if is_first { orders.pop_front() } else { statuses.pop_front() });
    }
    merged.extend(orders);
    merged.extend(statuses);
    merged
}
