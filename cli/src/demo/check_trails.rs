//! What the topics say of each order, held against itself. Pure.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Display,
};

use orderly_sdk::EventId;

use super::{
    findings::{Findings, Kind},
    ledger::{Ledger, Told, Trail},
    step::Step,
};

/// Every order placed once, confirmed or rejected, each status once and in its order, to the end.
pub(super) fn check_trails(ledger: &Ledger, findings: &mut Findings) {
    for (order_id, trail) in &ledger.orders {
        check_trail(order_id, trail, findings);
    }
    for (order_id, ids) in &ledger.returns {
        if ids.len() > 1 {
            findings.add(Kind::Duplicated, order_id, format!("OrderReturned as {}", list(ids)));
        }
    }
    for ((order_id, topic), partitions) in &ledger.partitions {
        check_partitions(order_id, topic, partitions, findings);
    }
}

/// What is in two partitions has no order.
fn check_partitions(
    order_id: &str,
    topic: &str,
    partitions: &BTreeSet<i32>,
    findings: &mut Findings,
) {
    if partitions.len() > 1 {
        let what = format!("its events lie in partitions {} of `{topic}`", list(partitions));
        findings.add(Kind::OutOfOrder, order_id, what);
    }
}

fn check_trail(order_id: &str, trail: &Trail, findings: &mut Findings) {
    match trail.placed.as_slice() {
        [] => findings.add(Kind::Lost, order_id, "it has events, but no OrderPlaced"),
        [_] => {}
        ids => findings.add(Kind::Duplicated, order_id, format!("OrderPlaced as {}", list(ids))),
    }
    check_once(order_id, &trail.told, findings);
    check_sequence(order_id, &trail.told, findings);
    check_steps(order_id, &trail.told, findings);
    if !trail.is_ended() {
        let last = trail.told.last().map_or("nothing".to_owned(), |told| told.step.to_string());
        findings.add(Kind::Lost, order_id, format!("it never ended; its last status is {last}"));
    }
}

/// One event id for each step, but for those that may come again: each asked for by another event.
fn check_once(order_id: &str, told: &[Told], findings: &mut Findings) {
    let mut ids: HashMap<&Step, Vec<EventId>> = HashMap::new();
    for told in told {
        ids.entry(&told.step).or_default().push(told.id);
    }
    for (step, ids) in ids {
        let may_repeat = matches!(step, Step::Refunded | Step::CancellationRefused);
        if ids.len() > 1 && !may_repeat {
            findings.add(Kind::Duplicated, order_id, format!("{step} as {}", list(&ids)));
        }
    }
}

/// 1, 2, 3 and so on, in the order of the topic.
fn check_sequence(order_id: &str, told: &[Told], findings: &mut Findings) {
    for (i, later) in told.iter().enumerate() {
        // The same step under the same number is found as told twice.
        let same = |t: &&Told| t.sequence == later.sequence && t.step != later.step;
        if let Some(first) = told[..i].iter().find(same) {
            let (one, two, sequence) = (&first.step, &later.step, later.sequence);
            let what = format!("{one} and {two} have the same sequence {sequence}");
            findings.add(Kind::Duplicated, order_id, what);
        }
    }
    for pair in told.windows(2) {
        if pair[1].sequence < pair[0].sequence {
            let what = format!(
                "{} (sequence {}) stands behind {} (sequence {})",
                pair[1].step, pair[1].sequence, pair[0].step, pair[0].sequence
            );
            findings.add(Kind::OutOfOrder, order_id, what);
        }
    }
    let mut sequences: Vec<i64> = told.iter().map(|told| told.sequence).collect();
    sequences.sort_unstable();
    sequences.dedup();
    let newest = sequences.last().copied().unwrap_or_default();
    for missing in (1..=newest).filter(|n| sequences.binary_search(n).is_err()).take(100) {
        findings.add(Kind::Lost, order_id, format!("its status with sequence {missing}"));
    }
}

/// Each step only where it may follow, whatever its sequence says.
fn check_steps(order_id: &str, told: &[Told], findings: &mut Findings) {
    let mut before: Option<&Step> = None;
    for told in told {
        let step = &told.step;
        if before.is_some() && *step == Step::CancellationRefused {
            // It may be asked for at any time, and moves nothing.
            continue;
        }
        if !may_follow(before, step) {
            let behind = before.map_or("nothing".to_owned(), ToString::to_string);
            findings.add(Kind::OutOfOrder, order_id, format!("{step} behind {behind}"));
        }
        before = Some(step);
    }
}

fn may_follow(before: Option<&Step>, step: &Step) -> bool {
    use Step::{
        Cancelled, Completed, Confirmed, Finished, Queued, Ready, Refunded, Rejected, Started,
    };
    match (before, step) {
        (None, Confirmed | Rejected | Cancelled) => true,
        (Some(Confirmed), Queued(_) | Started(_) | Ready | Cancelled) => true,
        (Some(Queued(stage)), Started(begun)) => stage == begun,
        // Nobody had begun with it.
        (Some(Queued(_)), Cancelled) => true,
        (Some(Started(begun)), Finished(ended)) => begun == ended,
        (Some(Finished(_)), Queued(_) | Started(_) | Ready) => true,
        (Some(Ready), Completed) => true,
        (Some(Completed | Cancelled | Refunded), Refunded) => true,
        _ => false,
    }
}

fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(steps: &[(i64, Step)]) -> Trail {
        let told = |(sequence, step): &(i64, Step)| Told {
            id: EventId::new(),
            sequence: *sequence,
            step: step.clone(),
        };
        Trail {
            placed: vec![EventId::new()],
            told: steps.iter().map(told).collect(),
            ..Trail::default()
        }
    }

    fn findings(trail: &Trail) -> (u64, u64, u64) {
        let mut findings = Findings::default();
        check_trail("A1", trail, &mut findings);
        assert!(findings.shown.iter().all(|finding| finding.order_id == "A1"));
        (findings.lost, findings.duplicated, findings.out_of_order)
    }

    fn whole() -> Vec<(i64, Step)> {
        use Step::{Completed, Confirmed, Finished, Queued, Ready, Started};
        let (bake, oven) = ("bake".to_owned(), "oven".to_owned());
        [
            Confirmed,
            Started(bake.clone()),
            Finished(bake),
            Queued(oven.clone()),
            Started(oven.clone()),
            Finished(oven),
            Ready,
            Completed,
        ]
        .into_iter()
        .zip(1..)
        .map(|(step, sequence)| (sequence, step))
        .collect()
    }

    #[test]
    fn a_refused_cancellation_may_come_anywhere_but_first_and_refunds_one_after_the_other() {
        let steps = [
            (1, Step::Confirmed),
            (2, Step::Started("a".into())),
            (3, Step::CancellationRefused),
            (4, Step::CancellationRefused),
            (5, Step::Finished("a".into())),
            (6, Step::Ready),
            (7, Step::Completed),
            (8, Step::Refunded),
            (9, Step::Refunded),
        ];
        assert_eq!(findings(&told(&steps)), (0, 0, 0));
        let first = [(1, Step::CancellationRefused), (2, Step::Confirmed)];
        assert_ne!(findings(&told(&first)), (0, 0, 0));
    }

    #[test]
    fn an_order_in_two_partitions_of_a_topic_is_out_of_order() {
        let mut findings = Findings::default();
        check_partitions("A1", "orders", &[3].into(), &mut findings);
        assert!(findings.is_empty());
        check_partitions("A1", "orders", &[3, 1].into(), &mut findings);
        assert_eq!(findings.out_of_order, 1);
        assert_eq!(findings.shown[0].what, "its events lie in partitions 1 and 3 of `orders`");
    }

    #[test]
    fn a_whole_order_has_no_findings() {
        assert_eq!(findings(&told(&whole())), (0, 0, 0));
        assert_eq!(findings(&told(&[(1, Step::Rejected)])), (0, 0, 0));
    }

    #[test]
    fn every_status_that_is_left_out_is_lost() {
        for left_out in 0..whole().len() {
            let mut steps = whole();
            steps.remove(left_out);
            let (lost, duplicated, _) = findings(&told(&steps));
            assert!(lost >= 1, "without status {left_out}");
            assert_eq!(duplicated, 0, "without status {left_out}");
        }
    }

    #[test]
    fn every_status_told_again_under_another_id_is_duplicated() {
        for again in 0..whole().len() {
            let mut steps = whole();
            steps.insert(again, steps[again].clone());
            assert_eq!(findings(&told(&steps)).1, 1, "status {again} twice");
        }
    }

    #[test]
    fn any_two_neighbours_swapped_are_out_of_order() {
        for first in 0..whole().len() - 1 {
            let mut steps = whole();
            steps.swap(first, first + 1);
            assert!(findings(&told(&steps)).2 >= 1, "{first} swapped with the next");
        }
    }

    #[test]
    fn two_statuses_with_one_number_are_duplicated() {
        for same in 1..whole().len() {
            let mut steps = whole();
            for (sequence, _) in &mut steps[same..] {
                *sequence -= 1;
            }
            assert_eq!(findings(&told(&steps)).1, 1, "status {same} numbered as the one before");
        }
    }

    #[test]
    fn swapped_steps_are_out_of_order_even_if_their_numbers_are_not() {
        for first in 0..whole().len() - 1 {
            let mut steps = whole();
            let (a, b) = (steps[first].1.clone(), steps[first + 1].1.clone());
            (steps[first].1, steps[first + 1].1) = (b, a);
            assert!(findings(&told(&steps)).2 >= 1, "{first} swapped with the next");
        }
    }

    #[test]
    fn an_order_placed_under_two_ids_is_duplicated_and_one_never_placed_is_lost() {
        let mut twice = told(&whole());
        twice.placed.push(EventId::new());
        assert_eq!(findings(&twice), (0, 1, 0));
        let mut never = told(&whole());
        never.placed.clear();
        assert_eq!(findings(&never), (1, 0, 0));
    }
}
