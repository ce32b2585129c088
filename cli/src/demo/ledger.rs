//! What the topics say, order by order, as it was read along. Pure.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, hash_map::Entry},
    sync::Arc,
    time::Instant,
};

use chrono::{DateTime, Utc};
use orderly_schemas::{
    OrderCancellationRefused, OrderCancellationRequested, OrderCancelled, OrderCollected,
    OrderCompleted, OrderConfirmed, OrderPlaced, OrderRefunded, OrderRejected, OrderReturned,
    ReadyForPickup, StageCompleted, StageQueued, StageStarted,
};
use orderly_sdk::{
    Event, EventId, Meta,
    consume::Received,
    event_set,
    record::{Coordinates, TopicPartition},
};
use rust_decimal::Decimal;

use super::{check_kitchen::Stay, step::Step};

event_set! {
    /// Everything on `orders` and `order-status`.
    pub enum Observed {
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

/// Whose orders a run is about.
#[derive(Clone, Debug, Default)]
pub(super) enum Mine {
    /// Everybody's: nobody else is there, and what is found of others is a fault.
    #[default]
    Everything,
    /// Those of customers whose user ids begin so.
    Customers(String),
    /// The orders and returns with these ids.
    Documents(Arc<HashSet<String>>),
}

/// What the user ids of customers have who come late, by themselves.
pub(super) const COMES_LATE: &str = "-late-";

/// Everything read so far.
#[derive(Default)]
pub struct Ledger {
    pub(super) mine: Mine,
    /// The offset behind the last record read, by partition.
    pub(super) read_to: HashMap<TopicPartition, i64>,
    pub(super) orders: BTreeMap<String, Trail>,
    pub(super) returns: BTreeMap<String, Vec<EventId>>,
    /// Records read.
    pub(super) records: u64,
    /// The partitions that hold records of an order or return, by it and the topic.
    pub(super) partitions: BTreeMap<(String, Arc<str>), BTreeSet<i32>>,
    /// Each event as it was read first.
    pub(super) seen: HashMap<EventId, Seen>,
}

/// The first record of an event.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Without the namespace.
    pub(super) event_type: &'static str,
    pub(super) at: Coordinates,
}

/// What the run's orders come to so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) placed: u64,
    /// Of them those that came to their end.
    pub(super) ended: u64,
    pub(super) completed: u64,
    pub(super) rejected: u64,
    pub(super) cancelled: u64,
    pub(super) refunded: u64,
    pub(super) discounted: u64,
    pub(super) cancellations_refused: u64,
    pub(super) returns: u64,
    /// Events of `order-status`, each id once.
    pub(super) statuses: u64,
    /// Records with an event id that was there before.
    pub(super) resent: u64,
}

/// One order.
#[derive(Default)]
pub(super) struct Trail {
    /// Event ids of its OrderPlaced, each once.
    pub(super) placed: Vec<EventId>,
    /// It is an order of this run.
    pub(super) is_mine: bool,
    pub(super) historic: bool,
    /// Records of it with an event id that was there before.
    pub(super) resent: u64,
    /// It waits to be collected.
    pub(super) ready: Option<Meta>,
    /// What the first OrderPlaced says was ordered.
    pub(super) goods: Option<Goods>,
    /// Its statuses in the order of the topic, each event id once.
    pub(super) told: Vec<Told>,
    /// Events of `orders` beside the placing, each id once.
    pub(super) asked: Vec<EventId>,
    /// When its completion was read.
    pub(super) completed: Option<Instant>,
    /// When it was confirmed first, as its event says: to the millisecond.
    pub(super) confirmed: Option<DateTime<Utc>>,
    /// What its confirmation says is to be paid.
    pub(super) to_pay: Option<Decimal>,
    /// Its confirmation says that rules gave something.
    pub(super) is_discounted: bool,
    /// What was paid back, as told.
    pub(super) refunded: Decimal,
    /// Its time at each stage.
    pub(super) stays: BTreeMap<String, Stay>,
    /// Its customer comes late, by themselves.
    pub(super) is_collected_late: bool,
}

/// What was ordered, as far as it is compared.
#[derive(Clone, Debug)]
pub(super) struct Goods {
    pub(super) total: Decimal,
    pub(super) currency: String,
    pub(super) lines: usize,
    /// Pieces of each product.
    pub(super) pieces: BTreeMap<String, i64>,
    pub(super) is_paid_by_card: bool,
}

/// A status.
pub(super) struct Told {
    pub(super) id: EventId,
    pub(super) sequence: i64,
    pub(super) step: Step,
}

impl Ledger {
    /// Of a run about `mine`, read from these offsets on.
    pub(super) fn of(mine: Mine, starts: &[(TopicPartition, i64)]) -> Self {
        Self { mine, read_to: starts.iter().cloned().collect(), ..Self::default() }
    }

    /// Takes down what was read at `now`.
    pub(super) fn see(&mut self, received: &Received<Observed>, now: Instant) {
        let Received { event, meta, at } = received;
        self.read(at);
        let (order_id, event_type) = named(event);
        if matches!(&self.mine, Mine::Documents(ids) if !ids.contains(order_id)) {
            return;
        }
        let lies_in = (order_id.to_owned(), Arc::clone(&at.partition.topic));
        self.partitions.entry(lies_in).or_default().insert(at.partition.partition);
        let id = meta.id;
        match self.seen.entry(id) {
            Entry::Vacant(new) => new.insert(Seen { event_type, at: at.clone() }),
            Entry::Occupied(_) => {
                self.trail(order_id).resent += 1;
                return;
            }
        };
        let (sequence, step) = match event {
            Observed::OrderPlaced(event) => return self.place(event, meta),
            Observed::OrderReturned(_) => {
                return self.returns.entry(order_id.to_owned()).or_default().push(id);
            }
            Observed::OrderCollected(_) | Observed::OrderCancellationRequested(_) => {
                return self.trail(order_id).asked.push(id);
            }
            Observed::OrderConfirmed(e) => {
                let trail = self.trail(order_id);
                trail.confirmed = Some(trail.confirmed.unwrap_or(meta.time).min(meta.time));
                trail.to_pay = trail.to_pay.or(e.to_pay);
                trail.is_discounted |= !e.discounts.is_empty();
                (e.sequence, Step::Confirmed)
            }
            Observed::OrderRejected(e) => (e.sequence, Step::Rejected),
            Observed::StageQueued(e) => {
                let stay = self.stay(order_id, &e.stage);
                (stay.came, stay.ahead) = (Some(meta.time), Some(e.ahead));
                (e.sequence, Step::Queued(e.stage.clone()))
            }
            Observed::StageStarted(e) => {
                let stay = self.stay(order_id, &e.stage);
                stay.came.get_or_insert(meta.time);
                (stay.from, stay.station) = (Some(meta.time), e.station);
                (e.sequence, Step::Started(e.stage.clone()))
            }
            Observed::StageCompleted(e) => {
                self.stay(order_id, &e.stage).to = Some(meta.time);
                (e.sequence, Step::Finished(e.stage.clone()))
            }
            Observed::ReadyForPickup(e) => {
                self.trail(order_id).ready = Some(meta.clone());
                (e.sequence, Step::Ready)
            }
            Observed::OrderCompleted(e) => (e.sequence, Step::Completed),
            Observed::OrderCancelled(e) => (e.sequence, Step::Cancelled),
            Observed::OrderRefunded(e) => {
                self.trail(order_id).refunded += e.amount;
                (e.sequence, Step::Refunded)
            }
            Observed::OrderCancellationRefused(e) => (e.sequence, Step::CancellationRefused),
        };
        self.tell(order_id, Told { id, sequence, step }, now);
    }

    /// Nobody else's orders are there.
    pub(super) fn is_all_there_is(&self) -> bool {
        matches!(self.mine, Mine::Everything)
    }

    /// None of the run's orders was there before it; documents may have been imported before.
    pub(super) fn is_of_new_orders(&self) -> bool {
        !matches!(self.mine, Mine::Documents(_))
    }

    /// How many of the run's orders were confirmed before that moment.
    pub(super) fn confirmed_before(&self, moment: DateTime<Utc>) -> u64 {
        let moment = moment.timestamp_millis();
        let mine = self.orders.values().filter(|trail| trail.is_mine);
        let before = |at: DateTime<Utc>| at.timestamp_millis() < moment;
        mine.filter(|trail| trail.confirmed.is_some_and(before)).count() as u64
    }

    /// Counts a record, whatever it holds.
    pub(super) fn read(&mut self, at: &Coordinates) {
        self.records += 1;
        self.read_to.insert(at.partition.clone(), at.offset + 1);
    }

    /// The offset behind what was read of a partition.
    pub(super) fn next(&self, at: &TopicPartition) -> i64 {
        self.read_to.get(at).copied().unwrap_or_default()
    }

    /// An order of this run that is ready and that nobody was sent for yet.
    pub(super) fn collectable(&mut self, order_id: &str) -> Option<Meta> {
        let trail = self.orders.get_mut(order_id)?;
        if !trail.is_mine || trail.is_collected_late {
            return None;
        }
        trail.ready.take()
    }

    /// What the run's orders come to.
    pub(super) fn figures(&self) -> Figures {
        let mut figures = Figures { returns: self.returns.len() as u64, ..Figures::default() };
        for trail in self.orders.values().filter(|trail| trail.is_mine) {
            figures.placed += u64::from(!trail.placed.is_empty());
            figures.ended += u64::from(!trail.placed.is_empty() && trail.is_ended());
            figures.statuses += trail.told.len() as u64;
            figures.resent += trail.resent;
            let tells = |step: &Step| u64::from(trail.told.iter().any(|t| t.step == *step));
            figures.completed += tells(&Step::Completed);
            figures.rejected += tells(&Step::Rejected);
            figures.cancelled += tells(&Step::Cancelled);
            figures.refunded += tells(&Step::Refunded);
            figures.discounted += u64::from(trail.is_discounted);
            figures.cancellations_refused += tells(&Step::CancellationRefused);
        }
        figures
    }

    /// Forgets the orders of others.
    pub(super) fn keep_mine(&mut self) {
        self.orders.retain(|_, trail| trail.is_mine);
        let (orders, returns) = (&self.orders, &self.returns);
        self.partitions.retain(|(id, _), _| orders.contains_key(id) || returns.contains_key(id));
    }

    /// Ids of the run's orders and returns.
    pub(super) fn ids(&self) -> Vec<&str> {
        let mine = self.orders.iter().filter(|(_, trail)| trail.is_mine).map(|(id, _)| id);
        mine.chain(self.returns.keys()).map(String::as_str).collect()
    }

    /// An order's trail, begun where this is the first of it.
    fn trail(&mut self, order_id: &str) -> &mut Trail {
        // Of a customer's order it is known whose it is once its OrderPlaced was read.
        let is_mine = !matches!(self.mine, Mine::Customers(_));
        self.orders
            .entry(order_id.to_owned())
            .or_insert_with(|| Trail { is_mine, ..Trail::default() })
    }

    fn stay(&mut self, order_id: &str, stage: &str) -> &mut Stay {
        self.trail(order_id).stays.entry(stage.to_owned()).or_default()
    }

    /// Messages that are owed for what was read so far, given how many an order's step calls for.
    pub(super) fn messages_owed(&self, called_for: impl Fn(&str, &Step) -> u64) -> u64 {
        let orders = self.orders.iter().filter(|(_, trail)| trail.is_mine && !trail.historic);
        let steps =
            orders.flat_map(|(id, trail)| trail.told.iter().map(move |told| (id, &told.step)));
        steps.map(|(id, step)| called_for(id, step)).sum()
    }

    fn place(&mut self, event: &OrderPlaced, meta: &Meta) {
        let is_mine = match (&self.mine, &event.user_id) {
            (Mine::Customers(prefix), Some(user)) => user.starts_with(prefix),
            (Mine::Customers(_), None) => false,
            _ => true,
        };
        let trail = self.trail(&event.order_id);
        trail.is_mine = is_mine;
        trail.placed.push(meta.id);
        trail.historic |= meta.historic;
        trail.is_collected_late |=
            event.user_id.as_ref().is_some_and(|user| user.contains(COMES_LATE));
        trail.goods.get_or_insert_with(|| Goods {
            total: event.total,
            currency: event.currency.clone(),
            lines: event.lines.len(),
            pieces: pieces(event),
            is_paid_by_card: event.payment_token.is_some(),
        });
    }

    fn tell(&mut self, order_id: &str, told: Told, now: Instant) {
        let trail = self.trail(order_id);
        if told.step == Step::Completed {
            trail.completed.get_or_insert(now);
        }
        trail.told.push(told);
    }
}

impl Observed {
    /// The order or return that it is about.
    pub(super) fn order_id(&self) -> &str {
        named(self).0
    }
}

/// Pieces of each product.
fn pieces(event: &OrderPlaced) -> BTreeMap<String, i64> {
    let mut pieces = BTreeMap::new();
    for line in &event.lines {
        *pieces.entry(line.sku.clone()).or_default() += i64::from(line.quantity);
    }
    pieces
}

/// The order or return of an event, and its type without the namespace.
fn named(event: &Observed) -> (&str, &'static str) {
    fn of<E: Event>(event: &E) -> (&str, &'static str) {
        (event.key(), E::TYPE.rsplit('.').next().unwrap_or(E::TYPE))
    }
    match event {
        Observed::OrderPlaced(event) => of(event),
        Observed::OrderCancellationRequested(event) => of(event),
        Observed::OrderCollected(event) => of(event),
        Observed::OrderReturned(event) => of(event),
        Observed::OrderConfirmed(event) => of(event),
        Observed::OrderRejected(event) => of(event),
        Observed::StageQueued(event) => of(event),
        Observed::StageStarted(event) => of(event),
        Observed::StageCompleted(event) => of(event),
        Observed::ReadyForPickup(event) => of(event),
        Observed::OrderCompleted(event) => of(event),
        Observed::OrderCancelled(event) => of(event),
        Observed::OrderRefunded(event) => of(event),
        Observed::OrderCancellationRefused(event) => of(event),
    }
}

impl Trail {
    /// Whether that was told of it.
    pub(super) fn was(&self, step: &Step) -> bool {
        self.told.iter().any(|told| told.step == *step)
    }

    pub(super) fn is_ended(&self) -> bool {
        self.told.iter().any(|told| told.step.is_end())
    }
    /// The status that stands, and its word in history: of the highest sequence, the one that was
    /// told first.
    pub(super) fn newest(&self) -> Option<(&Told, &'static str)> {
        let worded = self.told.iter().rev().filter_map(|told| Some((told, told.step.word()?)));
        worded.max_by_key(|(told, _)| told.sequence)
    }
}

#[cfg(test)]
mod tests {
    use orderly_sdk::record::TopicPartition;

    use super::*;

    fn confirmed(meta: &Meta, partition: i32, offset: i64) -> Received<Observed> {
        let partition = TopicPartition { topic: "order-status".into(), partition };
        let (order_id, caused_by) = ("A1".to_owned(), String::new());
        let event = OrderConfirmed {
            order_id,
            sequence: 1,
            caused_by,
            ready_at: None,
            discounts: Vec::new(),
            to_pay: None,
        };
        let at = Coordinates { partition, offset };
        Received { event: Observed::OrderConfirmed(event), meta: meta.clone(), at }
    }

    #[test]
    fn an_order_was_confirmed_when_its_first_confirmation_says_to_the_millisecond() {
        let (mut ledger, now) = (Ledger::default(), Utc::now());
        let meta = |at| Meta::new(&"test".into()).at(at);
        let second = chrono::TimeDelta::seconds(1);
        for at in [now, now + second] {
            ledger.see(&confirmed(&meta(at), 3, 7), Instant::now());
        }
        assert_eq!(ledger.confirmed_before(now), 0, "not before it");
        assert_eq!(ledger.confirmed_before(now + second), 1);
    }

    #[test]
    fn a_repeated_event_stands_where_it_was_first_and_its_partition_counts_all_the_same() {
        let (mut ledger, meta) = (Ledger::default(), Meta::new(&"test".into()));
        ledger.see(&confirmed(&meta, 3, 7), Instant::now());
        ledger.see(&confirmed(&meta, 5, 0), Instant::now());
        let Figures { statuses, resent, .. } = ledger.figures();
        assert_eq!((ledger.records, statuses, resent), (2, 1, 1));
        let Seen { event_type, at } = &ledger.seen[&meta.id];
        assert_eq!((*event_type, at.to_string()), ("OrderConfirmed", "order-status-3@7".into()));
        let partitions: Vec<_> = ledger.partitions.values().collect();
        assert_eq!(partitions, [&BTreeSet::from([3, 5])]);
    }
}
