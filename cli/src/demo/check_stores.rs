//! The proof's second half: what the topics say, held against what senders were told and what the
//! stores kept.

use std::collections::{HashMap, HashSet};

use history::ReadModel;
use notifications::Mailbox;
use orderly_stores::StoreError;

use super::{
    findings::{Findings, Kind},
    intake::{Accepted, Taken},
    ledger::{Ledger, Told},
};

const PAGE: u32 = 5_000;

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

/// History kept what the topics say: every order and every status once, and nothing else.
pub(super) async fn check_history(
    ledger: &Ledger,
    history: &ReadModel,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let mut missing: HashSet<&str> = ledger
        .orders
        .iter()
        .filter(|(_, trail)| !trail.placed.is_empty())
        .map(|(id, _)| id.as_str())
        .collect();
    let mut after = String::new();
    loop {
        let page = history.orders_after(&after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.order_id);
        for order in &page {
            missing.remove(order.order_id.as_str());
            let trail = ledger.orders.get(&order.order_id);
            let known = trail.is_some_and(|trail| {
                trail.placed.iter().any(|id| id.to_string() == order.placed_event_id)
            });
            if !known {
                let what = format!("history has it from {}, no topic", order.placed_event_id);
                findings.add(Kind::Duplicated, &order.order_id, what);
            }
        }
    }
    for order_id in missing {
        findings.add(Kind::Lost, order_id, "it isn't in the history store");
    }
    check_timeline(ledger, history, findings).await
}

async fn check_timeline(
    ledger: &Ledger,
    history: &ReadModel,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let mut missing: HashMap<(String, String), Expected> = HashMap::new();
    for (order_id, trail) in &ledger.orders {
        let placed = trail.placed.iter().chain(&trail.asked).map(|id| (*id, Expected::of_orders()));
        let told = trail.told.iter().map(|told| (told.id, Expected::status(told)));
        let all = placed.chain(told);
        missing.extend(all.map(|(id, expected)| ((order_id.clone(), id.to_string()), expected)));
    }
    for (order_id, ids) in &ledger.returns {
        let all = ids.iter().map(|id| ((order_id.clone(), id.to_string()), Expected::of_orders()));
        missing.extend(all);
    }
    let mut after = (String::new(), String::new());
    loop {
        let page = history.timeline_after((&after.0, &after.1), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = (last.order_id.clone(), last.event_id.clone());
        for kept in &page {
            match missing.remove(&(kept.order_id.clone(), kept.event_id.clone())) {
                Some(expected) if kept.sequence == expected.sequence => {}
                Some(Expected { sequence, what }) => {
                    let what = format!(
                        "history has {what} with sequence {:?} instead of {sequence:?}",
                        kept.sequence
                    );
                    findings.add(Kind::OutOfOrder, &kept.order_id, what);
                }
                None => {
                    let what =
                        format!("history has {} {}, no topic", kept.event_type, kept.event_id);
                    findings.add(Kind::Duplicated, &kept.order_id, what);
                }
            }
        }
    }
    for ((order_id, event_id), Expected { what, .. }) in missing {
        let what = format!("{what} {event_id} isn't in the history store's timeline");
        findings.add(Kind::Lost, &order_id, what);
    }
    Ok(())
}

/// What history should have kept of an event.
struct Expected {
    sequence: Option<i64>,
    what: String,
}

impl Expected {
    fn of_orders() -> Self {
        Self { sequence: None, what: "an event of `orders`".into() }
    }

    fn status(told: &Told) -> Self {
        Self { sequence: Some(told.sequence), what: told.step.to_string() }
    }
}

/// Each status that is mailed was mailed once.
pub(super) async fn check_mails(
    ledger: &Ledger,
    taken: &Taken,
    mailbox: &Mailbox,
    findings: &mut Findings,
) -> Result<u64, StoreError> {
    let mut owed: HashMap<String, &str> = HashMap::new();
    for (order_id, trail) in &ledger.orders {
        if taken.gets_mails(order_id) && !trail.historic {
            let mailed = trail.told.iter().filter(|told| told.step.is_mailed());
            owed.extend(mailed.map(|told| (told.id.to_string(), order_id.as_str())));
        }
    }
    let (mut sent, mut behind) = (0, 0);
    loop {
        let page = mailbox.page(behind, PAGE).await?;
        let Some(last) = page.last() else { break };
        behind = last.place;
        for mail in &page {
            sent += 1;
            if owed.remove(&mail.event_id).is_none() {
                let what =
                    format!("a mail `{}` that nothing, or another mail, told", mail.template);
                findings.add(Kind::Duplicated, &mail.order_id, what);
            }
        }
    }
    for (event_id, order_id) in owed {
        findings.add(Kind::Lost, order_id, format!("the mail for event {event_id}"));
    }
    Ok(sent)
}
