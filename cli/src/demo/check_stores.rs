//! What the topics say, held against what senders were told and what the stores kept.

use std::collections::{HashMap, HashSet};

use history::{KeptEvent, KeptOrder, ReadModel};
use orderly_sdk::EventId;
use orderly_stores::StoreError;

use super::{
    findings::{Findings, Kind},
    intake::{Accepted, Taken},
    kept::Whose,
    ledger::{Ledger, Seen, Trail},
};

/// Every accepted order is on its topic, under the id that its receipt says.
pub(super) fn check_accepted(ledger: &Ledger, taken: &Taken, findings: &mut Findings) {
    for (order_id, Accepted { event_id, .. }) in &taken.accepted {
        let placed = ledger.orders.get(order_id).map(|trail| trail.placed.as_slice());
        let is_there = placed.is_some_and(|ids| ids.iter().any(|id| id.to_string() == *event_id));
        if !is_there {
            findings.add(Kind::Lost, order_id, format!("accepted as {event_id}, not on `orders`"));
        }
    }
}

/// Every order placed was accepted, but for as many as their senders can't know of.
pub(super) fn check_untold(ledger: &Ledger, taken: &Taken, findings: &mut Findings) {
    let untold = ledger.orders.iter().filter(|(order_id, trail)| {
        !trail.placed.is_empty() && !taken.accepted.contains_key(*order_id)
    });
    let may_be = usize::try_from(taken.counts.unknown).unwrap_or(usize::MAX);
    for (order_id, _) in untold.skip(may_be) {
        findings.add(Kind::Duplicated, order_id, "placed, but nobody was told so");
    }
}

/// History kept what the topics say: every order and every status once, and nothing else.
pub(super) async fn check_history(
    ledger: &Ledger,
    whose: &Whose<'_>,
    history: &ReadModel,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let mut missing: HashSet<&str> = ledger
        .orders
        .iter()
        .filter(|(_, trail)| !trail.placed.is_empty())
        .map(|(id, _)| id.as_str())
        .collect();
    let each = |order: &KeptOrder| {
        missing.remove(order.order_id.as_str());
        check_order(ledger.orders.get(&order.order_id), order, findings);
    };
    whose.each_order(history, each).await?;
    for order_id in missing {
        findings.add(Kind::Lost, order_id, "it isn't in the history store");
    }
    check_timeline(ledger, whose, history, findings).await
}

/// History's row of an order, held against its trail.
fn check_order(trail: Option<&Trail>, kept: &KeptOrder, findings: &mut Findings) {
    let is_placed =
        |trail: &&Trail| trail.placed.iter().any(|id| id.to_string() == kept.placed_event_id);
    let Some(trail) = trail.filter(is_placed) else {
        let what = format!("history has it from {}, no topic", kept.placed_event_id);
        return findings.add(Kind::Duplicated, &kept.order_id, what);
    };
    let mut differ = |what: &str, kept_one: String, told: String| {
        let what = format!("history has {what} {kept_one}, the topic {told}");
        findings.add(Kind::Lost, &kept.order_id, what);
    };
    if let Some(goods) = &trail.goods {
        // By value: a store may drop zeros at the end.
        if kept.total != goods.total {
            differ("total", kept.total.to_string(), goods.total.to_string());
        }
        if kept.currency != goods.currency {
            differ("currency", kept.currency.clone(), goods.currency.clone());
        }
        if usize::try_from(kept.lines) != Ok(goods.lines) {
            differ("number of lines", kept.lines.to_string(), goods.lines.to_string());
        }
    }
    let (word, sequence) = match trail.newest() {
        Some((told, word)) => (word, Some(told.sequence)),
        None => ("placed", None),
    };
    if kept.status != word {
        differ("status", kept.status.clone(), word.to_owned());
    }
    if kept.status_sequence != sequence {
        let show = |sequence: Option<i64>| sequence.map_or("none".to_owned(), |n| n.to_string());
        differ("status sequence", show(kept.status_sequence), show(sequence));
    }
}

async fn check_timeline(
    ledger: &Ledger,
    whose: &Whose<'_>,
    history: &ReadModel,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let mut missing = expected(ledger);
    let each = |kept: &KeptEvent| {
        let expected = missing.remove(&(kept.order_id.clone(), kept.event_id.clone()));
        check_event(expected.as_ref(), kept, findings);
    };
    whose.each_event(history, each).await?;
    for ((order_id, event_id), Expected { seen, .. }) in missing {
        let what = format!("{} {event_id} isn't in the history store's timeline", seen.event_type);
        findings.add(Kind::Lost, &order_id, what);
    }
    Ok(())
}

/// What history should have kept of an event.
struct Expected<'a> {
    seen: &'a Seen,
    sequence: Option<i64>,
}

/// The whole timeline, by order id and event id.
fn expected(ledger: &Ledger) -> HashMap<(String, String), Expected<'_>> {
    let of_orders = ledger.orders.iter().flat_map(|(order_id, trail)| {
        let plain = trail.placed.iter().chain(&trail.asked).map(|id| (*id, None));
        let told = trail.told.iter().map(|told| (told.id, Some(told.sequence)));
        plain.chain(told).map(move |event| (order_id, event))
    });
    let of_returns = ledger
        .returns
        .iter()
        .flat_map(|(order_id, ids)| ids.iter().map(move |id| (order_id, (*id, None))));
    let keyed = |(order_id, (id, sequence)): (&String, (EventId, Option<i64>))| {
        let seen = ledger.seen.get(&id)?;
        Some(((order_id.clone(), id.to_string()), Expected { seen, sequence }))
    };
    of_orders.chain(of_returns).filter_map(keyed).collect()
}

/// History's row of an event, held against the event's first record.
fn check_event(expected: Option<&Expected<'_>>, kept: &KeptEvent, findings: &mut Findings) {
    let KeptEvent { order_id, event_id, event_type, .. } = kept;
    let Some(Expected { seen, sequence }) = expected else {
        let what = format!("history has {event_type} {event_id}, no topic");
        return findings.add(Kind::Duplicated, order_id, what);
    };
    if event_type != seen.event_type {
        let what = format!("history has {event_id} as {event_type}, it is {}", seen.event_type);
        findings.add(Kind::Lost, order_id, what);
    }
    if kept.sequence != *sequence {
        let what = format!(
            "history has {event_type} with sequence {:?} instead of {sequence:?}",
            kept.sequence
        );
        findings.add(Kind::OutOfOrder, order_id, what);
    }
    let at = &seen.at;
    let kept_at = (kept.topic.as_str(), kept.partition, kept.offset);
    if kept_at != (&*at.partition.topic, at.partition.partition, at.offset) {
        let (topic, partition, offset) = kept_at;
        let what = format!(
            "history has {event_type} {event_id} from {topic}-{partition}@{offset}, it is at {at}"
        );
        findings.add(Kind::OutOfOrder, order_id, what);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use orderly_sdk::record::{Coordinates, TopicPartition};

    use super::*;
    use crate::demo::{
        intake::{Intake, Outcome, Reach},
        ledger::{Goods, Told},
        step::Step,
    };

    fn trail() -> Trail {
        let told = |sequence, step| Told { id: EventId::new(), sequence, step };
        let goods = Goods {
            total: "8.50".parse().unwrap(),
            currency: "EUR".into(),
            lines: 2,
            pieces: Default::default(),
            is_paid_by_card: false,
        };
        Trail {
            placed: vec![EventId::new()],
            goods: Some(goods),
            // As fulfilment may tell it again: what was told first stands.
            told: vec![told(1, Step::Confirmed), told(2, Step::Ready), told(1, Step::Confirmed)],
            ..Trail::default()
        }
    }

    fn row(trail: &Trail) -> KeptOrder {
        KeptOrder {
            order_id: "A1".into(),
            placed_event_id: trail.placed[0].to_string(),
            status: "ready".into(),
            status_sequence: Some(2),
            total: "8.5".parse().unwrap(),
            currency: "EUR".into(),
            lines: 2,
        }
    }

    fn counts(findings: &Findings) -> (u64, u64, u64) {
        assert!(findings.shown.iter().all(|finding| finding.order_id == "A1"));
        (findings.lost, findings.duplicated, findings.out_of_order)
    }

    #[test]
    fn a_row_of_an_order_is_as_its_topic_says() {
        let trail = trail();
        let mut findings = Findings::default();
        check_order(Some(&trail), &row(&trail), &mut findings);
        assert_eq!(counts(&findings), (0, 0, 0));
        let unseen = Trail { placed: trail.placed.clone(), ..Trail::default() };
        let placed = KeptOrder { status: "placed".into(), status_sequence: None, ..row(&trail) };
        check_order(Some(&unseen), &placed, &mut findings);
        assert_eq!(counts(&findings), (0, 0, 0));
    }

    #[test]
    fn whatever_differs_in_an_orders_row_is_lost_by_name() {
        let trail = trail();
        let row = row(&trail);
        for (word, kept) in [
            ("total 8.51", KeptOrder { total: "8.51".parse().unwrap(), ..row.clone() }),
            ("currency USD", KeptOrder { currency: "USD".into(), ..row.clone() }),
            ("number of lines 1", KeptOrder { lines: 1, ..row.clone() }),
            ("status confirmed", KeptOrder { status: "confirmed".into(), ..row.clone() }),
            ("status sequence 1", KeptOrder { status_sequence: Some(1), ..row.clone() }),
            ("status sequence none", KeptOrder { status_sequence: None, ..row.clone() }),
        ] {
            let mut findings = Findings::default();
            check_order(Some(&trail), &kept, &mut findings);
            assert_eq!(counts(&findings), (1, 0, 0), "{word}");
            assert!(findings.shown[0].what.contains(word), "{}", findings.shown[0].what);
        }
    }

    #[test]
    fn a_row_that_no_topic_tells_of_is_duplicated() {
        let trail = trail();
        let mut findings = Findings::default();
        check_order(None, &row(&trail), &mut findings);
        check_order(Some(&Trail::default()), &row(&trail), &mut findings);
        assert_eq!(counts(&findings), (0, 2, 0));
    }

    #[test]
    fn an_event_is_kept_as_what_and_from_where_it_was_read_first() {
        let partition = TopicPartition { topic: "order-status".into(), partition: 3 };
        let seen = Seen { event_type: "OrderConfirmed", at: Coordinates { partition, offset: 7 } };
        let expected = Expected { seen: &seen, sequence: Some(1) };
        let row = KeptEvent {
            order_id: "A1".into(),
            event_id: "E1".into(),
            event_type: "OrderConfirmed".into(),
            topic: "order-status".into(),
            sequence: Some(1),
            partition: 3,
            offset: 7,
        };
        for (kept, found) in [
            (row.clone(), (0, 0, 0)),
            (KeptEvent { event_type: "OrderRejected".into(), ..row.clone() }, (1, 0, 0)),
            (KeptEvent { topic: "orders".into(), ..row.clone() }, (0, 0, 1)),
            (KeptEvent { partition: 4, ..row.clone() }, (0, 0, 1)),
            (KeptEvent { offset: 8, ..row.clone() }, (0, 0, 1)),
            (KeptEvent { sequence: None, ..row.clone() }, (0, 0, 1)),
        ] {
            let mut findings = Findings::default();
            check_event(Some(&expected), &kept, &mut findings);
            assert_eq!(counts(&findings), found, "{kept:?}");
        }
        let mut findings = Findings::default();
        check_event(None, &row, &mut findings);
        assert_eq!(counts(&findings), (0, 1, 0));
    }

    #[test]
    fn more_orders_placed_than_anyone_knows_of_are_duplicated_by_name() {
        let mut ledger = Ledger::default();
        for order_id in ["A0", "A1"] {
            ledger.orders.insert(order_id.into(), trail());
        }
        let mut taken = Taken::default();
        let intake = |outcome| Intake {
            outcome,
            sent: Instant::now(),
            took: Duration::ZERO,
            to: Reach::default(),
        };
        let (order_id, event_id) = ("A0".to_owned(), String::new());
        taken.add(intake(Outcome::Accepted { order_id, event_id }));
        let mut findings = Findings::default();
        check_untold(&ledger, &taken, &mut findings);
        assert_eq!(counts(&findings), (0, 1, 0));
        taken.add(intake(Outcome::Unknown));
        let mut findings = Findings::default();
        check_untold(&ledger, &taken, &mut findings);
        assert!(findings.is_empty());
    }
}
