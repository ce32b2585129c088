#![allow(clippy::unwrap_used)]

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;
use crate::{
    order::{Status, Told},
    order_row::{InLine, OrderRow, State, Waiting},
    stages::{Stages, Stations},
};

/// A kitchen whose tables are in memory: read and kept as the walker does it.
struct Kitchen {
    stages: Stages,
    places: Vec<PlaceRow>,
    orders: Vec<OrderRow>,
    told: Vec<(String, DateTime<Utc>, Status)>,
}

impl Kitchen {
    fn of(stages: &str) -> Self {
        let stages: Stages = stages.parse().unwrap();
        let places = stages.iter().flat_map(|stage| {
            let places = stage.stations.map_or(0, Stations::places);
            (0..i64::from(places)).map(|place| PlaceRow {
                stage: stage.name.clone(),
                place,
                order_id: None,
                free_since: DateTime::UNIX_EPOCH,
                taken_at: None,
            })
        });
        Self { places: places.collect(), stages, orders: Vec::new(), told: Vec::new() }
    }

    fn place(&mut self, order_id: &str, at: DateTime<Utc>) {
        let mut order = crate::order::tests::order(&self.stages);
        order.order_id = order_id.into();
        let told = order.confirm(at, Duration::ZERO);
        self.hear(order_id, told);
        self.orders.push(order);
    }

    /// Until nothing more is to be done by `now`; orders that are due are read by so many.
    fn walk(&mut self, now: DateTime<Utc>, batch: usize) {
        loop {
            let mut due: Vec<OrderRow> = self
                .orders
                .iter()
                .filter(|it| it.ends_at.is_some_and(|at| at <= now))
                .cloned()
                .collect();
            due.sort_by_key(|order| (order.ends_at, order.order_id.clone()));
            due.truncate(batch);
            let is_full = due.len() == batch;
            let horizon = due.last().filter(|_| is_full).and_then(|it| it.ends_at).unwrap_or(now);
            let mut floor = Floor::of(&self.stages, self.places.clone(), self.lines(), now);
            let mut hours = Hours::of(due);
            for (stage, most) in floor.may_be_given(&hours.due()) {
                let is_in_line = |order: &&OrderRow| {
                    order.in_line.as_ref().is_some_and(|line| line.stage == stage)
                };
                let mut waiting: Vec<_> = self.orders.iter().filter(is_in_line).cloned().collect();
                waiting.sort_by_key(|it| (it.in_line.clone().unwrap().since, it.order_id.clone()));
                waiting.truncate(usize::try_from(most).unwrap());
                hours.line_up(&mut floor, &stage, waiting);
            }
            let Passed { orders, changed, told, is_cut } = hours.pass(&mut floor, horizon);
            for (at, told) in told {
                self.hear(&orders[at].order_id, vec![told]);
            }
            for row in changed.into_iter().map(|at| &orders[at]) {
                let kept = self.orders.iter_mut().find(|it| it.order_id == row.order_id);
                *kept.unwrap() = row.clone();
            }
            for row in floor.changed() {
                let kept = self
                    .places
                    .iter_mut()
                    .find(|it| (&it.stage, it.place) == (&row.stage, row.place));
                *kept.unwrap() = row.clone();
            }
            if !is_cut && !is_full {
                return;
            }
        }
    }

    fn lines(&self) -> Vec<Waiting> {
        let mut lines: HashMap<&str, Waiting> = HashMap::new();
        for InLine { stage, since } in self.orders.iter().filter_map(|it| it.in_line.as_ref()) {
            let line = lines.entry(stage).or_insert_with(|| Waiting {
                stage: stage.clone(),
                length: 0,
                last_came: *since,
            });
            line.length += 1;
            line.last_came = line.last_came.max(*since);
        }
        lines.into_values().collect()
    }

    fn hear(&mut self, order_id: &str, told: Vec<Told>) {
        let heard = told.into_iter().map(|Told { at, status }| (order_id.to_owned(), at, status));
        self.told.extend(heard);
    }

    /// Order, start, end and station of every time that a stage was worked on, by start.
    fn worked(&self, stage: &str) -> Vec<(String, DateTime<Utc>, DateTime<Utc>, i32)> {
        let mut worked: Vec<_> = self
            .told
            .iter()
            .filter_map(|(order, at, status)| match status {
                Status::StageStarted(e) if e.stage == stage => {
                    Some((order.clone(), *at, e.ends_at, e.station.unwrap_or_default()))
                }
                _ => None,
            })
            .collect();
        worked.sort_by_key(|(_, start, ..)| *start);
        worked
    }

    /// When it got in line for that stage, or began there at once.
    fn came(&self, order_id: &str, stage: &str) -> DateTime<Utc> {
        let told = self.told.iter().filter(|(id, ..)| id == order_id);
        let came = told.filter_map(|(_, at, status)| match status {
            Status::StageQueued(e) if e.stage == stage => Some(*at),
            Status::StageStarted(e) if e.stage == stage => Some(*at),
            _ => None,
        });
        came.min().unwrap()
    }

    fn steps(&self, order_id: &str) -> Vec<String> {
        let of_it = self.told.iter().filter(|(order, ..)| order == order_id);
        of_it.map(|(.., status)| crate::order::tests::step(status)).collect()
    }
}

fn second(n: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(n)
}

#[test]
fn who_comes_first_gets_the_oven_and_the_others_wait_in_line() {
    let mut kitchen = Kitchen::of("oven=10s*1");
    for (order, at) in [("a", 0), ("b", 1), ("c", 2)] {
        kitchen.place(order, second(at));
    }
    kitchen.walk(second(5), 200);
    assert_eq!(kitchen.steps("a"), ["confirmed", "started oven"]);
    assert_eq!(kitchen.steps("b"), ["confirmed", "queued oven behind 0"]);
    assert_eq!(kitchen.steps("c"), ["confirmed", "queued oven behind 1"]);

    kitchen.walk(second(60), 200);
    let worked = [("a", 0, 10), ("b", 10, 20), ("c", 20, 30)]
        .map(|(order, from, to)| (order.to_owned(), second(from), second(to), 1));
    assert_eq!(kitchen.worked("oven"), worked);
    assert!(kitchen.orders.iter().all(|order| order.state == State::Ready));
}

#[test]
fn a_station_with_room_for_several_takes_them_at_once() {
    let mut kitchen = Kitchen::of("oven=10s*2x2");
    for order in ["a", "b", "c", "d", "e"] {
        kitchen.place(order, second(0));
    }
    kitchen.walk(second(0), 200);
    let stations: Vec<i32> = kitchen.worked("oven").iter().map(|it| it.3).collect();
    assert_eq!(stations, [1, 1, 2, 2]);
    assert_eq!(kitchen.steps("e"), ["confirmed", "queued oven behind 0"]);
}

#[test]
fn an_order_that_leaves_the_line_gives_up_its_turn_only() {
    let mut kitchen = Kitchen::of("oven=10s*1");
    for (order, at) in [("a", 0), ("b", 1), ("c", 2)] {
        kitchen.place(order, second(at));
    }
    kitchen.walk(second(5), 200);
    let waiting = kitchen.orders.iter_mut().find(|order| order.order_id == "b").unwrap();
    assert_eq!(waiting.can_be_cancelled(), Ok(()));
    waiting.cancel("changed my mind", orderly_sdk::EventId::new(), second(6));
    assert_eq!(waiting.in_line, None);

    kitchen.walk(second(60), 200);
    let order: Vec<String> = kitchen.worked("oven").into_iter().map(|it| it.0).collect();
    assert_eq!(order, ["a", "c"]);
}

#[test]
fn who_waits_for_a_later_stage_is_being_prepared() {
    let mut kitchen = Kitchen::of("prep=1s,oven=10s*1");
    kitchen.place("a", second(0));
    kitchen.place("b", second(0));
    kitchen.walk(second(2), 200);
    let waiting = kitchen.orders.iter().find(|order| order.state == State::InLine).unwrap();
    assert_eq!(waiting.can_be_cancelled(), Err("it is being prepared"));
}

#[test]
fn stations_that_are_added_are_given_to_who_waits() {
    let mut kitchen = Kitchen::of("oven=10s*1");
    for order in ["a", "b", "c"] {
        kitchen.place(order, second(0));
    }
    kitchen.walk(second(1), 200);
    kitchen.stages = "oven=10s*2".parse().unwrap();
    let (stage, free_since) = ("oven".to_owned(), second(3));
    let taken_at = None;
    kitchen.places.push(PlaceRow { stage, place: 1, order_id: None, free_since, taken_at });

    kitchen.walk(second(4), 200);
    let b = ("b".to_owned(), second(3), second(13), 2);
    assert_eq!(kitchen.worked("oven")[1], b);
}

#[test]
fn stations_that_are_taken_away_are_left_when_their_order_is_done() {
    let mut kitchen = Kitchen::of("oven=10s*2");
    for order in ["a", "b", "c"] {
        kitchen.place(order, second(0));
    }
    kitchen.walk(second(1), 200);
    kitchen.stages = "oven=10s*1".parse().unwrap();

    kitchen.walk(second(100), 200);
    let c = ("c".to_owned(), second(10), second(20), 1);
    assert_eq!(kitchen.worked("oven")[2], c);
    assert!(kitchen.orders.iter().all(|order| order.state == State::Ready));
}

#[test]
fn stages_that_lost_their_stations_take_everybody_and_whoever_stands_somewhere_leaves_it() {
    let mut kitchen = Kitchen::of("oven=10s*1");
    for order in ["a", "b", "c"] {
        kitchen.place(order, second(0));
    }
    kitchen.walk(second(1), 200);
    // By a member that is configured otherwise.
    kitchen.stages = "oven=10s".parse().unwrap();
    kitchen.place("d", second(4));
    kitchen.walk(second(5), 200);
    let from = |order: &str| kitchen.worked("oven").into_iter().find(|it| it.0 == order).unwrap().1;
    assert_eq!(["a", "b", "c"].map(from), [second(0), second(5), second(5)]);
    kitchen.walk(second(60), 200);
    assert!(kitchen.orders.iter().all(|order| order.state == State::Ready));

    // And the place is there for who needs one.
    assert_eq!(kitchen.places[0].order_id, None);
    kitchen.stages = "oven=10s*1".parse().unwrap();
    kitchen.place("e", second(70));
    kitchen.walk(second(70), 200);
    assert_eq!(kitchen.steps("e"), ["confirmed", "started oven"]);
}

proptest! {
    #[test]
    fn whenever_and_however_often_somebody_looks_the_same_happens_at_the_same_times(
        stages in stages(),
        arrivals in prop::collection::vec(0..600_i64, 1..30),
        looks in prop::collection::vec(0..6_000_i64, 0..12),
        batch in 1..8_usize,
    ) {
        let end = second(1_000_000);
        let mut once = Kitchen::of(&stages);
        let mut often = Kitchen::of(&stages);
        let mut arrivals = arrivals;
        arrivals.sort_unstable();
        for (i, at) in arrivals.iter().enumerate() {
            once.place(&format!("o-{i:02}"), second(*at));
        }
        once.walk(end, 200);
        let mut looks = looks;
        looks.sort_unstable();
        let mut next = arrivals.iter().enumerate().peekable();
        for look in looks.into_iter().map(second).chain([end]) {
            while let Some((i, at)) = next.next_if(|(_, at)| second(**at) <= look) {
                often.place(&format!("o-{i:02}"), second(*at));
            }
            often.walk(look, batch);
        }

        for stage in once.stages.iter() {
            let times = |kitchen: &Kitchen| {
                let mut times: Vec<_> =
                    kitchen.worked(&stage.name).into_iter().map(|it| (it.1, it.2)).collect();
                times.sort_unstable();
                times
            };
            prop_assert_eq!(times(&once), times(&often), "{}", &stage.name);
            check_stage(&often, &stage.name, stage.stations.map(Stations::places))?;
            check_that_nobody_waits_beside_a_free_place(&often, &stage.name)?;
        }
        for i in 0..arrivals.len() {
            check_order(&often, &format!("o-{i:02}"))?;
        }
    }

    #[test]
    fn who_is_heard_of_late_overtakes_nobody(
        stages in stages(),
        arrivals in prop::collection::vec((0..600_i64, 0..100_i64), 1..30),
        looks in prop::collection::vec(0..1_000_i64, 0..30),
    ) {
        let mut kitchen = Kitchen::of(&stages);
        // As they are heard of: so long after they came.
        let mut arrivals = arrivals;
        arrivals.sort_by_key(|(at, late)| at + late);
        let mut looks = looks;
        looks.sort_unstable();
        let mut next = arrivals.iter().enumerate().peekable();
        for look in looks.into_iter().chain([1_000_000]) {
            while let Some((i, (at, _))) = next.next_if(|(_, (at, late))| at + late <= look) {
                kitchen.place(&format!("o-{i:02}"), second(*at));
            }
            kitchen.walk(second(look), 5);
        }
        for stage in kitchen.stages.iter() {
            check_stage(&kitchen, &stage.name, stage.stations.map(Stations::places))?;
        }
        for i in 0..arrivals.len() {
            check_order(&kitchen, &format!("o-{i:02}"))?;
        }
    }
}

/// Never more at once than there are places, and who came first goes first.
fn check_stage(kitchen: &Kitchen, stage: &str, places: Option<u32>) -> Result<(), TestCaseError> {
    let Some(places) = places else { return Ok(()) };
    let worked = kitchen.worked(stage);
    prop_assert_eq!(worked.len(), kitchen.orders.len());
    for (i, (order, start, ..)) in worked.iter().enumerate() {
        let at_once = worked.iter().filter(|(_, from, to, _)| from <= start && start < to).count();
        prop_assert!(at_once <= places as usize, "{at_once} at once in {stage} at {start}");
        for (later, from, ..) in &worked[i + 1..] {
            let is_in_turn =
                from == start || kitchen.came(later, stage) >= kitchen.came(order, stage);
            prop_assert!(is_in_turn, "{order} overtook {later} in {stage}");
        }
    }
    Ok(())
}

fn check_that_nobody_waits_beside_a_free_place(
    kitchen: &Kitchen,
    stage: &str,
) -> Result<(), TestCaseError> {
    let of_it = kitchen.stages.iter().find(|it| it.name == stage);
    let Some(stations) = of_it.and_then(|it| it.stations) else { return Ok(()) };
    let worked = kitchen.worked(stage);
    for (order, start, ..) in &worked {
        if *start > kitchen.came(order, stage) {
            let busy = worked.iter().filter(|(_, from, to, _)| *from < *start && *to >= *start);
            let all = stations.places() as usize;
            prop_assert!(busy.count() >= all, "{order} waited beside a free place");
        }
    }
    Ok(())
}

fn check_order(kitchen: &Kitchen, order_id: &str) -> Result<(), TestCaseError> {
    let mut steps = kitchen.steps(order_id);
    steps.retain(|step| !step.starts_with("queued"));
    let mut expected = vec!["confirmed".to_owned()];
    for stage in kitchen.stages.iter() {
        let name = &stage.name;
        expected.extend([format!("started {name}"), format!("completed {name}")]);
    }
    expected.push("ready".to_owned());
    prop_assert_eq!(steps, expected);
    let of_it = kitchen.told.iter().filter(|(id, ..)| id == order_id);
    let times: Vec<_> = of_it.map(|(_, at, _)| *at).collect();
    prop_assert!(times.is_sorted(), "{:?}", times);
    Ok(())
}

/// One to four stages of a second to some minutes, most with stations.
fn stages() -> impl Strategy<Value = String> {
    let stage = (1..300_u32, prop::option::weighted(0.8, (1..4_u32, 1..3_u32)));
    prop::collection::vec(stage, 1..=4).prop_map(|stages| {
        let text = stages.iter().enumerate().map(|(i, (takes, stations))| match stations {
            None => format!("s{i}={takes}s"),
            Some((count, capacity)) => format!("s{i}={takes}s*{count}x{capacity}"),
        });
        text.collect::<Vec<_>>().join(",")
    })
}
