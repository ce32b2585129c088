#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::stages::Stages;

const DAY: u64 = 86_400_000;

proptest! {
    #[test]
    fn any_stages_lead_to_ready_with_no_gap_in_sequence_and_no_step_back_in_time(
        stages in stages(),
        confirmed_at in 0..4_000_000_000_000_i64,
    ) {
        let at = DateTime::from_timestamp_millis(confirmed_at).unwrap();
        let mut order = order(&stages);
        let mut told = order.confirm(at, Duration::ZERO);
        walk(&mut order, &mut told);
        told.extend(order.complete(EventId::new(), told.last().unwrap().at));

        let mut expected = vec!["confirmed".to_owned()];
        for i in 0..stages.count() {
            let name = &stages.get(i).unwrap().name;
            expected.extend([format!("started {name}"), format!("completed {name}")]);
        }
        expected.extend(["ready".to_owned(), "completed".to_owned()]);
        prop_assert_eq!(told.iter().map(|told| step(&told.status)).collect::<Vec<_>>(), expected);
        let sequences: Vec<i64> = told.iter().map(|told| sequence(&told.status)).collect();
        prop_assert_eq!(sequences, (1..=told.len() as i64).collect::<Vec<_>>());
        prop_assert!(told.is_sorted_by_key(|told| told.at));
        prop_assert_eq!(order.state, State::Completed);
        prop_assert_eq!(order.ends_at, None);
    }

    #[test]
    fn a_stage_ends_when_its_start_said_and_ready_is_when_the_confirmation_said(stages in stages()) {
        let at = DateTime::UNIX_EPOCH;
        let mut order = order(&stages);
        let mut told = order.confirm(at, Duration::ZERO);
        walk(&mut order, &mut told);

        let Status::Confirmed(confirmed) = &told[0].status else { panic!("{:?}", told[0].status) };
        prop_assert_eq!(confirmed.ready_at, told.last().map(|told| told.at));
        prop_assert_eq!(confirmed.ready_at, Some(at + stages.total()));
        for pair in told[1..].chunks_exact(2) {
            let (Status::StageStarted(started), Status::StageCompleted(completed)) =
                (&pair[0].status, &pair[1].status)
            else {
                panic!("{:?}, {:?}", pair[0].status, pair[1].status);
            };
            prop_assert_eq!(&started.stage, &completed.stage);
            prop_assert_eq!(started.ends_at, pair[1].at);
        }
    }
}

#[test]
fn a_rejected_order_has_one_status_and_no_stage() {
    let mut order = order(&"a=1s".parse().unwrap());
    let told = order.reject("why", DateTime::UNIX_EPOCH);

    let [Told { status: Status::Rejected(rejected), .. }] = &told[..] else { panic!() };
    assert_eq!((rejected.sequence, &*rejected.reason), (1, "why"));
    assert_eq!((order.state, order.ends_at), (State::Rejected, None));
    assert!(order.walk_on().is_empty());
}

#[test]
fn what_is_caused_by_placing_and_what_by_collecting_says_so() {
    let mut order = order(&"a=1s".parse().unwrap());
    let mut told = order.confirm(DateTime::UNIX_EPOCH, Duration::ZERO);
    walk(&mut order, &mut told);
    assert!(told.iter().all(|told| caused_by(&told.status) == order.placed_event_id));

    let collected = EventId::new();
    let told = order.complete(collected, DateTime::UNIX_EPOCH);
    assert_eq!(caused_by(&told[0].status), collected.to_string());
}

#[test]
fn an_order_behind_the_last_of_its_stages_is_ready() {
    let mut order = order(&"a=1s,b=1s".parse().unwrap());
    let mut told = order.confirm(DateTime::UNIX_EPOCH, Duration::ZERO);
    order.stage = 7;
    let told_then = told.len();
    walk(&mut order, &mut told);

    assert_eq!(told.len(), told_then + 1);
    assert_eq!(step(&told[told_then].status), "ready");
    assert_eq!(sequence(&told[told_then].status), 3);
}

#[test]
fn an_order_placed_at_the_end_of_time_is_walked_all_the_same() {
    let mut order = order(&"a=24h,b=24h".parse().unwrap());
    let mut told = order.confirm(DateTime::<Utc>::MAX_UTC, Duration::ZERO);
    walk(&mut order, &mut told);
    assert_eq!(order.state, State::Ready);
}

#[test]
fn preparation_waits_for_the_time_to_cancel_and_then_for_the_card() {
    let at = DateTime::UNIX_EPOCH;
    let grace = Duration::from_secs(60);
    let mut order = order(&"a=1s".parse().unwrap());
    order.is_paid_by_card = true;
    let told = order.confirm(at, grace);
    let Status::Confirmed(confirmed) = &told[0].status else { panic!() };
    assert_eq!(confirmed.ready_at, Some(at + grace + Duration::from_secs(1)));
    assert_eq!((told.len(), order.state), (1, State::Confirmed));
    assert_eq!(order.ends_at, Some(at + grace));
    assert_eq!(order.can_be_cancelled(), Ok(()));

    assert!(order.walk_on().is_empty());
    assert_eq!((order.state, order.ends_at), (State::Capturing, None));
    assert_eq!(order.can_be_cancelled(), Ok(()));
    let told = order.prepare(at + grace);
    assert_eq!((step(&told[0].status), sequence(&told[0].status)), ("started a".into(), 2));
    assert_eq!(order.can_be_cancelled(), Err("it is being prepared"));
}

#[test]
fn a_refused_cancellation_is_told_and_changes_nothing_else() {
    let mut order = order(&"a=1s".parse().unwrap());
    order.confirm(DateTime::UNIX_EPOCH, Duration::ZERO);
    let before = (order.state, order.ends_at, order.next_sequence);
    let asked = EventId::new();
    let told = order.refuse_cancellation("too late", asked, DateTime::UNIX_EPOCH);
    assert_eq!(step(&told[0].status), "cancellation refused");
    assert_eq!(caused_by(&told[0].status), asked.to_string());
    assert_eq!((order.state, order.ends_at, order.next_sequence - 1), before);
}

/// From one to eight stages, each a day long at most.
fn stages() -> impl Strategy<Value = Stages> {
    prop::collection::vec(0..=DAY, 1..=8).prop_map(|lengths| {
        let stages = lengths.iter().enumerate();
        let text: Vec<_> = stages.map(|(i, takes)| format!("stage-{i}={takes}ms")).collect();
        text.join(",").parse().unwrap()
    })
}

pub(crate) fn order(stages: &Stages) -> OrderRow {
    OrderRow {
        order_id: "o-1".into(),
        state: State::InStage,
        stages: stages.clone(),
        stage: 0,
        ends_at: None,
        in_line: None,
        next_sequence: 1,
        placed_event_id: EventId::new().to_string(),
        traceparent: None,
        historic: false,
        currency: "EUR".into(),
        total: Decimal::new(1_050, 2),
        to_pay: Decimal::new(1_050, 2),
        discounts: Vec::new(),
        coupons: Vec::new(),
        is_paid_by_card: false,
    }
}

/// To its end; between two steps it lies in its table.
fn walk(order: &mut OrderRow, told: &mut Vec<Told>) {
    for _ in 0..10 {
        order.stages = order.stages.to_string().parse().unwrap();
        told.extend(order.walk_on());
    }
}

pub(crate) fn step(status: &Status) -> String {
    match status {
        Status::Confirmed(_) => "confirmed".into(),
        Status::Rejected(_) => "rejected".into(),
        Status::StageQueued(event) => format!("queued {} behind {}", event.stage, event.ahead),
        Status::StageStarted(event) => format!("started {}", event.stage),
        Status::StageCompleted(event) => format!("completed {}", event.stage),
        Status::Ready(_) => "ready".into(),
        Status::Completed(_) => "completed".into(),
        Status::Cancelled(_) => "cancelled".into(),
        Status::CancellationRefused(_) => "cancellation refused".into(),
        Status::Refunded(_) => "refunded".into(),
    }
}

fn sequence(status: &Status) -> i64 {
    match status {
        Status::Confirmed(event) => event.sequence,
        Status::Rejected(event) => event.sequence,
        Status::StageQueued(event) => event.sequence,
        Status::StageStarted(event) => event.sequence,
        Status::StageCompleted(event) => event.sequence,
        Status::Ready(event) => event.sequence,
        Status::Completed(event) => event.sequence,
        Status::Cancelled(event) => event.sequence,
        Status::CancellationRefused(event) => event.sequence,
        Status::Refunded(event) => event.sequence,
    }
}

fn caused_by(status: &Status) -> &str {
    match status {
        Status::Confirmed(event) => &event.caused_by,
        Status::Rejected(event) => &event.caused_by,
        Status::StageQueued(event) => &event.caused_by,
        Status::StageStarted(event) => &event.caused_by,
        Status::StageCompleted(event) => &event.caused_by,
        Status::Ready(event) => &event.caused_by,
        Status::Completed(event) => &event.caused_by,
        Status::Cancelled(event) => &event.caused_by,
        Status::CancellationRefused(event) => &event.caused_by,
        Status::Refunded(event) => &event.caused_by,
    }
}
