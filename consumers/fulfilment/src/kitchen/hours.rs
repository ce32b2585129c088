//! Time passes in the kitchen: what is due happens, each thing at its own time. Pure.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

use chrono::{DateTime, Utc};

use super::{Floor, floor::Next};
use crate::{
    order::Told,
    order_row::{OrderRow, State},
};

/// Things that happen in one transaction at most, as each may be told.
const MOST: usize = 1_000;

/// A stretch of time, with the orders that something happens to in it.
pub(crate) struct Hours {
    orders: Vec<OrderRow>,
    /// How many of them are due; the others wait in line.
    due: usize,
    /// What happens when to which of them; of one moment, what was set first comes first.
    clock: BinaryHeap<Reverse<(DateTime<Utc>, u64, usize)>>,
    set: u64,
    told: Vec<(usize, Told)>,
    changed: BTreeSet<usize>,
}

/// What happened.
pub(crate) struct Passed {
    pub(crate) orders: Vec<OrderRow>,
    /// Which of them have changed.
    pub(crate) changed: BTreeSet<usize>,
    /// What is told, of which of them, in the order of time.
    pub(crate) told: Vec<(usize, Told)>,
    /// It stopped before its end: there is more to be done at once.
    pub(crate) is_cut: bool,
}

impl Hours {
    /// Of orders that are due.
    pub(crate) fn of(due: Vec<OrderRow>) -> Self {
        let mut hours = Self {
            due: due.len(),
            orders: due,
            clock: BinaryHeap::new(),
            set: 0,
            told: Vec::new(),
            changed: BTreeSet::new(),
        };
        (0..hours.orders.len()).for_each(|order| hours.set_clock(order));
        hours
    }

    /// Ids of those that are due.
    pub(crate) fn due(&self) -> Vec<String> {
        self.orders[..self.due].iter().map(|order| order.order_id.clone()).collect()
    }

    /// Adds the first in line of a stage, in their turn.
    pub(crate) fn line_up(&mut self, floor: &mut Floor, stage: &str, waiting: Vec<OrderRow>) {
        let from = self.orders.len();
        self.orders.extend(waiting);
        floor.line_up(stage, from..self.orders.len());
    }

    /// Until `horizon`: everything that happens by then, if not too much of it.
    pub(crate) fn pass(mut self, floor: &mut Floor, horizon: DateTime<Utc>) -> Passed {
        let mut is_cut = self.fill_what_is_free(floor).is_err();
        let mut happened = 0;
        while !is_cut && let Some(Reverse((at, _, _))) = self.clock.peek() {
            if *at > horizon {
                break;
            }
            if happened == MOST {
                is_cut = true;
                break;
            }
            let Some(Reverse((at, _, order))) = self.clock.pop() else { break };
            happened += 1;
            is_cut = self.happen(floor, order, at).is_err();
        }
        let Self { orders, changed, told, .. } = self;
        Passed { orders, changed, told, is_cut }
    }

    fn happen(
        &mut self,
        floor: &mut Floor,
        order: usize,
        at: DateTime<Utc>,
    ) -> Result<(), NotRead> {
        let Some(row) = self.orders.get_mut(order) else { return Ok(()) };
        self.changed.insert(order);
        if row.state == State::Arriving && floor.has_stations(row.stage_name()) {
            self.arrive(floor, order, at);
            return Ok(());
        }
        let left = match row.state {
            State::InStage => floor.leave(&row.order_id, at),
            _ => None,
        };
        let told = row.walk_on();
        self.told.extend(told.into_iter().map(|told| (order, told)));
        self.set_clock(order);
        left.map_or(Ok(()), |stage| self.fill(floor, &stage))
    }

    /// It gets a place, or stands in line.
    fn arrive(&mut self, floor: &mut Floor, order: usize, at: DateTime<Utc>) {
        let Some(row) = self.orders.get_mut(order) else { return };
        let stage = row.stage_name().to_owned();
        let (came, ahead) = (floor.come(&stage, at), floor.waiting(&stage));
        if ahead == 0 && floor.has_room(&stage) {
            self.begin(floor, &stage, order, came);
        } else {
            self.told.push((order, row.queue(came, ahead)));
            floor.get_in_line(&stage, order);
        }
    }

    fn fill_what_is_free(&mut self, floor: &mut Floor) -> Result<(), NotRead> {
        let stages: Vec<String> = floor.stages().map(|(stage, ..)| stage.to_owned()).collect();
        stages.iter().try_for_each(|stage| self.fill(floor, stage))
    }

    /// As long as there is a place, the first in line gets it.
    fn fill(&mut self, floor: &mut Floor, stage: &str) -> Result<(), NotRead> {
        while floor.has_room(stage) {
            match floor.next(stage) {
                Next::Nobody => break,
                Next::NotRead => return Err(NotRead),
                Next::Order(order) => {
                    floor.leave_line(stage);
                    let row = self.orders.get(order);
                    let since = row.and_then(|row| Some(row.in_line.as_ref()?.since));
                    self.begin(floor, stage, order, since.unwrap_or_default());
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, floor: &mut Floor, stage: &str, order: usize, came: DateTime<Utc>) {
        let Some(row) = self.orders.get_mut(order) else { return };
        let Some(given) = floor.give(stage, &row.order_id, came) else { return };
        let told = row.begin_stage(given.from, given.station);
        self.told.push((order, told));
        self.changed.insert(order);
        self.set_clock(order);
    }

    fn set_clock(&mut self, order: usize) {
        if let Some(at) = self.orders.get(order).and_then(|row| row.ends_at) {
            self.clock.push(Reverse((at, self.set, order)));
            self.set += 1;
        }
    }
}

/// Whose turn it is wasn't read.
struct NotRead;
