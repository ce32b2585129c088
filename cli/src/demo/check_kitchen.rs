//! The kitchen, by what was told: never more orders in a stage than there are places, and who came first
//! went first.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use fulfilment::{Stages, Stations};
use serde::Serialize;

use super::{
    findings::{Findings, Kind},
    ledger::Ledger,
};

/// An order's time at one stage.
#[derive(Clone, Debug, Default)]
pub(super) struct Stay {
    /// When it got in line, or began at once.
    pub(super) came: Option<DateTime<Utc>>,
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) to: Option<DateTime<Utc>>,
    pub(super) station: Option<i32>,
    /// How many were in line before it; `None`: it didn't wait.
    pub(super) ahead: Option<i32>,
}

/// `kitchen` of the result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KitchenFigures {
    /// So many times as fast as it was said to be.
    pub speed_up: u32,
    /// By stage, of those where orders waited or which have stations.
    pub stages: BTreeMap<String, StageFigures>,
}

/// What happened at one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StageFigures {
    /// Orders that it takes at once, where that is limited and known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub places: Option<u32>,
    /// Most orders of the run that were in it at once.
    pub at_once: u64,
    /// Orders of the run that waited for a place.
    pub queued: u64,
    /// Longest that the line was.
    pub longest_line: u64,
    /// Longest that an order of the run waited, milliseconds.
    pub longest_wait_ms: u64,
    /// Orders that somebody went before who had come later.
    pub overtaken: u64,
}

/// Looks at every stage that the run's orders went through, in a kitchen with these stages, where they are
/// known.
pub(super) fn check_kitchen(
    ledger: &Ledger,
    stages: Option<&Stages>,
    findings: &mut Findings,
) -> BTreeMap<String, StageFigures> {
    let mut by_stage: BTreeMap<&str, Vec<(&str, &Stay)>> = BTreeMap::new();
    for (order_id, trail) in ledger.orders.iter().filter(|(_, it)| it.is_mine && !it.historic) {
        for (stage, stay) in &trail.stays {
            by_stage.entry(stage).or_default().push((order_id, stay));
        }
    }
    let mut figures = BTreeMap::new();
    for (stage, stays) in by_stage {
        let known = stages.and_then(|stages| stages.iter().find(|it| it.name == stage));
        let places = known.and_then(|it| it.stations).map(Stations::places);
        let found = check_stage(stage, places, stays, findings);
        if places.is_some() || found.queued > 0 {
            figures.insert(stage.to_owned(), found);
        }
    }
    figures
}

fn check_stage(
    stage: &str,
    places: Option<u32>,
    mut stays: Vec<(&str, &Stay)>,
    findings: &mut Findings,
) -> StageFigures {
    let mut figures = StageFigures { places, ..StageFigures::default() };
    for (_, stay) in &stays {
        let Some(ahead) = stay.ahead else { continue };
        figures.queued += 1;
        figures.longest_line = figures.longest_line.max(u64::from(ahead.unsigned_abs()) + 1);
        let waited = stay.from.zip(stay.came).map_or(TimeDelta::zero(), |(from, came)| from - came);
        let waited = u64::try_from(waited.num_milliseconds()).unwrap_or_default();
        figures.longest_wait_ms = figures.longest_wait_ms.max(waited);
    }
    // Who is cancelled in line never begins, and goes before nobody.
    stays.retain(|(_, stay)| stay.from.is_some());
    stays.sort_by_key(|(_, stay)| stay.from);
    figures.at_once = at_once(&stays);
    if let Some(places) = places.filter(|places| figures.at_once > u64::from(*places)) {
        let what = format!("{} orders at once in {stage}, of {places} places", figures.at_once);
        findings.add(Kind::OutOfOrder, "(all)", what);
    }
    // Who came last of those that began before, and of those that began with it.
    let (mut before, mut beside): (Option<Stood<'_>>, Option<Stood<'_>>) = (None, None);
    for (order_id, stay) in stays {
        if beside.is_some_and(|(_, other)| other.from < stay.from) {
            before = before.max_by_came(beside.take());
        }
        if let Some((other, _)) = before.filter(|(_, it)| it.came > stay.came) {
            figures.overtaken += 1;
            let what = format!("{other} came to {stage} after it, and began before it");
            findings.add(Kind::OutOfOrder, order_id, what);
        }
        beside = beside.max_by_came(Some((order_id, stay)));
    }
    figures
}

/// Most that were there at once; whoever leaves is gone before the next begins.
fn at_once(stays: &[(&str, &Stay)]) -> u64 {
    let mut moves: Vec<(DateTime<Utc>, i64)> = Vec::with_capacity(2 * stays.len());
    for (_, stay) in stays {
        if let Some((from, to)) = stay.from.zip(stay.to).filter(|(from, to)| from < to) {
            moves.extend([(from, 1), (to, -1)]);
        }
    }
    moves.sort_unstable();
    let (mut there, mut most) = (0_i64, 0_i64);
    for (_, moved) in moves {
        there += moved;
        most = most.max(there);
    }
    u64::try_from(most).unwrap_or_default()
}

/// An order, and its time there.
type Stood<'a> = (&'a str, &'a Stay);

trait CameLast: Sized {
    /// The one of the two that came later.
    fn max_by_came(self, other: Self) -> Self;
}

impl CameLast for Option<Stood<'_>> {
    fn max_by_came(self, other: Self) -> Self {
        let came = |it: &Self| it.map(|(_, stay)| stay.came);
        if came(&other) > came(&self) { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When it came, began and left, in seconds.
    fn stay(came: i64, from: i64, to: i64) -> Stay {
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let ahead = (from > came).then_some(0);
        Stay { came: at(came), from: at(from), to: at(to), station: None, ahead }
    }

    fn found(places: u32, stays: &[Stay]) -> (StageFigures, Findings) {
        let mut findings = Findings::default();
        let stays = stays.iter().map(|stay| ("A1", stay)).collect();
        (check_stage("oven", Some(places), stays, &mut findings), findings)
    }

    #[test]
    fn who_is_cancelled_in_line_goes_before_nobody() {
        let cancelled = Stay { from: None, to: None, ahead: Some(1), ..stay(2, 10, 20) };
        let (figures, findings) = found(1, &[stay(0, 0, 10), stay(1, 10, 20), cancelled]);
        assert!(findings.is_empty(), "{findings:?}");
        assert_eq!((figures.queued, figures.overtaken), (2, 0));
    }

    #[test]
    fn who_waits_in_turn_for_a_place_is_no_finding() {
        let stays = [stay(0, 0, 10), stay(1, 10, 20), stay(2, 20, 30)];
        let (figures, findings) = found(1, &stays);
        assert!(findings.is_empty(), "{findings:?}");
        let expected = StageFigures {
            places: Some(1),
            at_once: 1,
            queued: 2,
            longest_line: 1,
            longest_wait_ms: 18_000,
            overtaken: 0,
        };
        assert_eq!(figures, expected);
    }

    #[test]
    fn one_more_than_there_are_places_is_found() {
        let (figures, findings) = found(1, &[stay(0, 0, 10), stay(1, 9, 20)]);
        assert_eq!((figures.at_once, findings.out_of_order), (2, 1));
        assert_eq!(findings.shown[0].what, "2 orders at once in oven, of 1 places");
    }

    #[test]
    fn who_began_before_somebody_that_had_come_earlier_is_found() {
        let (figures, findings) = found(1, &[stay(0, 0, 10), stay(2, 10, 20), stay(1, 20, 30)]);
        assert_eq!((figures.overtaken, findings.out_of_order), (1, 1));
        // At the same moment nobody is before the other.
        let (figures, _) = found(2, &[stay(0, 0, 10), stay(2, 10, 20), stay(1, 10, 20)]);
        assert_eq!(figures.overtaken, 0);
    }
}
