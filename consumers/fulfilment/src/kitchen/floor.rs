//! The stations of the kitchen, with who stands there and who waits. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, Utc};

use super::PlaceRow;
use crate::{
    order_row::Waiting,
    stages::{Stages, Stations},
};

/// Every stage that has stations, or had some.
#[derive(Default)]
pub(crate) struct Floor {
    now: DateTime<Utc>,
    stages: BTreeMap<String, StageFloor>,
    /// Who stands where: the stage, and the place's index there.
    taken: BTreeMap<String, (String, usize)>,
}

#[derive(Default)]
struct StageFloor {
    /// `None`: none are configured here. Who waits needs none, and who stands somewhere leaves it: other
    /// members may be configured otherwise, or this one was before.
    stations: Option<Stations>,
    /// Those that are set up, by their number; more than the stations have, where there were more before.
    places: Vec<PlaceRow>,
    changed: BTreeSet<usize>,
    line: Line,
    /// When somebody last came or got a place: nobody comes before that, however late they are heard of.
    moved_at: DateTime<Utc>,
}

/// Who waits for a place, the first to come first.
struct Line {
    /// All of them.
    length: i64,
    /// The first of them: where they lie in a walk's list of orders.
    first: VecDeque<usize>,
    /// Those are all.
    is_whole: bool,
}

impl Default for Line {
    fn default() -> Self {
        Self { length: 0, first: VecDeque::new(), is_whole: true }
    }
}

/// Orders of a line that are read at once where its stage has no stations any more.
const MOST_WITHOUT_STATIONS: i64 = 200;

/// A place for an order.
pub(crate) struct Given {
    /// Counted from 1; `None` where none is needed.
    pub(crate) station: Option<i32>,
    /// When it came, or when that was free.
    pub(crate) from: DateTime<Utc>,
}

/// Who is next in line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Nobody,
    /// Where it lies in the walk's list.
    Order(usize),
    /// Somebody who wasn't read.
    NotRead,
}

impl Floor {
    /// The stations that these stages have, with the rows of all places, and how many wait for each.
    pub(crate) fn of(
        stages: &Stages,
        rows: Vec<PlaceRow>,
        lines: Vec<Waiting>,
        now: DateTime<Utc>,
    ) -> Self {
        let mut floor = Self { now, ..Self::default() };
        for stage in stages.iter().filter(|stage| stage.stations.is_some()) {
            let of_stage = StageFloor { stations: stage.stations, ..StageFloor::default() };
            floor.stages.insert(stage.name.clone(), of_stage);
        }
        for row in rows {
            let of_stage = floor.stages.entry(row.stage.clone()).or_default();
            if let Some(order_id) = &row.order_id {
                let at = (row.stage.clone(), of_stage.places.len());
                floor.taken.insert(order_id.clone(), at);
            }
            of_stage.moved_at = of_stage.moved_at.max(row.taken_at.unwrap_or_default());
            of_stage.places.push(row);
        }
        for Waiting { stage, length, last_came } in lines {
            let of_stage = floor.stages.entry(stage).or_default();
            of_stage.line.length = length;
            of_stage.line.is_whole = length == 0;
            of_stage.moved_at = of_stage.moved_at.max(last_came);
        }
        floor
    }

    /// Whether orders need a place for that stage.
    pub(crate) fn has_stations(&self, stage: &str) -> bool {
        self.stages.get(stage).is_some_and(|of_stage| of_stage.stations.is_some())
    }

    /// The stages with somebody in line, and how many of these may get a place while that many orders
    /// go on.
    pub(crate) fn may_be_given(&self, going: &[String]) -> Vec<(String, i64)> {
        let leaving = going.iter().filter_map(|order_id| self.taken.get(order_id));
        let mut leaving_by_stage: BTreeMap<&str, i64> = BTreeMap::new();
        for (stage, _) in leaving {
            *leaving_by_stage.entry(stage).or_default() += 1;
        }
        let waiting = self.stages.iter().filter(|(_, of_stage)| of_stage.line.length > 0);
        let most = waiting.map(|(name, of_stage)| {
            let free = match of_stage.stations {
                Some(_) => i64::try_from(of_stage.free().count()).unwrap_or(i64::MAX),
                None => MOST_WITHOUT_STATIONS,
            };
            let leaving = leaving_by_stage.get(&**name).copied().unwrap_or_default();
            (name.clone(), (free + leaving).min(of_stage.line.length))
        });
        most.filter(|(_, most)| *most > 0).collect()
    }

    /// The first in line of that stage are these, in their turn.
    pub(crate) fn line_up(&mut self, stage: &str, first: impl Iterator<Item = usize>) {
        let Some(of_stage) = self.stages.get_mut(stage) else { return };
        of_stage.line.first.extend(first);
        let read = i64::try_from(of_stage.line.first.len()).unwrap_or(i64::MAX);
        of_stage.line.is_whole = read >= of_stage.line.length;
    }

    /// Somebody comes to that stage: at that time, or when the last thing happened there, where that was
    /// later. Who is heard of late doesn't get before others.
    pub(crate) fn come(&mut self, stage: &str, at: DateTime<Utc>) -> DateTime<Utc> {
        let Some(of_stage) = self.stages.get_mut(stage) else { return at };
        of_stage.moved_at = of_stage.moved_at.max(at);
        of_stage.moved_at
    }

    /// How many wait for that stage.
    pub(crate) fn waiting(&self, stage: &str) -> i64 {
        self.stages.get(stage).map_or(0, |of_stage| of_stage.line.length)
    }

    /// An order of the walk's list gets in line, behind all others.
    pub(crate) fn get_in_line(&mut self, stage: &str, order: usize) {
        let Some(of_stage) = self.stages.get_mut(stage) else { return };
        of_stage.line.length += 1;
        if of_stage.line.is_whole {
            of_stage.line.first.push_back(order);
        }
    }

    /// Who is next for that stage.
    pub(crate) fn next(&self, stage: &str) -> Next {
        let Some(of_stage) = self.stages.get(stage) else { return Next::Nobody };
        match of_stage.line.first.front() {
            Some(order) => Next::Order(*order),
            None if of_stage.line.is_whole => Next::Nobody,
            None => Next::NotRead,
        }
    }

    /// The first in line leaves it.
    pub(crate) fn leave_line(&mut self, stage: &str) {
        if let Some(of_stage) = self.stages.get_mut(stage) {
            of_stage.line.first.pop_front();
            of_stage.line.length -= 1;
        }
    }

    /// Whether there is a place.
    pub(crate) fn has_room(&self, stage: &str) -> bool {
        self.stages
            .get(stage)
            .is_some_and(|of_stage| of_stage.stations.is_none() || of_stage.free().next().is_some())
    }

    /// The place that is free for the longest time, for that order, which came then; `None`: there is
    /// none.
    pub(crate) fn give(
        &mut self,
        stage: &str,
        order_id: &str,
        came: DateTime<Utc>,
    ) -> Option<Given> {
        let of_stage = self.stages.get_mut(stage)?;
        let Some(stations) = of_stage.stations else {
            return Some(Given { station: None, from: came.max(self.now) });
        };
        let index = of_stage.free().min_by_key(|index| of_stage.places[*index].free_since)?;
        let capacity = i64::from(stations.capacity);
        let place = of_stage.places.get_mut(index)?;
        let from = came.max(place.free_since);
        of_stage.moved_at = of_stage.moved_at.max(from);
        (place.order_id, place.taken_at) = (Some(order_id.to_owned()), Some(from));
        of_stage.changed.insert(index);
        self.taken.insert(order_id.to_owned(), (stage.to_owned(), index));
        let station = Some(i32::try_from(place.place / capacity + 1).unwrap_or(i32::MAX));
        Some(Given { station, from })
    }

    /// The order leaves its place, if it has one; the stage where that is free now.
    pub(crate) fn leave(&mut self, order_id: &str, at: DateTime<Utc>) -> Option<String> {
        let (stage, index) = self.taken.remove(order_id)?;
        let of_stage = self.stages.get_mut(&stage)?;
        let place = of_stage.places.get_mut(index)?;
        (place.order_id, place.free_since) = (None, at);
        of_stage.changed.insert(index);
        Some(stage)
    }

    /// Every stage with stations: its name, places that are taken, orders in line.
    pub(crate) fn stages(&self) -> impl Iterator<Item = (&str, usize, i64)> {
        self.stages.iter().map(|(name, of_stage)| {
            let taken = of_stage.places.iter().filter(|place| place.order_id.is_some()).count();
            (&**name, taken, of_stage.line.length)
        })
    }

    /// Places that somebody left or got.
    pub(crate) fn changed(&self) -> impl Iterator<Item = &PlaceRow> {
        self.stages.values().flat_map(|of_stage| {
            of_stage.changed.iter().filter_map(|index| of_stage.places.get(*index))
        })
    }
}

impl StageFloor {
    /// Places that nobody has. Those beyond what the stations take now are left empty.
    fn free(&self) -> impl Iterator<Item = usize> {
        let places = self.stations.map_or(0, |stations| i64::from(stations.places()));
        let is_free = move |place: &PlaceRow| place.place < places && place.order_id.is_none();
        self.places.iter().enumerate().filter(move |(_, it)| is_free(it)).map(|(index, _)| index)
    }
}
