//! Events → rows.

use history::{Counts, Happened};
use orderly_schemas::{OrderCancellationRequested, RequestedBy};

use crate::parts::{
    CAUSE, Of, Store, cancelled, collected, completed, confirmed, decimal, lines, placed, queued,
    ready, received, returned, stage_done, started, with_lines,
};

on_both! {
    an_order_is_kept_with_its_lines,
    a_status_before_its_order_waits_unseen,
    a_status_never_goes_back,
    an_event_that_comes_again_changes_nothing,
    a_return_stands_alone,
    what_the_customer_does_moves_no_status,
    an_order_may_have_no_user_and_no_lines,
}

async fn an_order_is_kept_with_its_lines(store: Store) {
    let order = received(placed("o1"), 0);
    store.fold(std::slice::from_ref(&order)).await;

    let kept = store.history.order("o1").await.unwrap().unwrap();
    assert_eq!((&*kept.status, kept.stage), ("placed", None));
    assert_eq!(kept.user_id.as_deref(), Some("ada"));
    assert_eq!((&*kept.currency, kept.total), ("EUR", decimal("12.30")));
    assert_eq!(kept.placed_at, order.meta.time);
    assert!(!kept.historic);
    let skus: Vec<_> = kept.lines.iter().map(|l| (&*l.sku, l.quantity, l.unit_price)).collect();
    assert_eq!(skus, [("margherita", 2, decimal("5.25")), ("water", 1, decimal("1.8"))]);
    let page = store.history.orders_after("", 10).await.unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!((&*page[0].placed_event_id, page[0].lines), (&*order.meta.id.to_string(), 2));
}

async fn a_status_before_its_order_waits_unseen(store: Store) {
    store.fold(&[received(confirmed("o1", 1), 1), received(started("o1", 2, "Bake"), 2)]).await;

    assert_eq!(store.history.order("o1").await.unwrap(), None);
    assert_eq!(store.history.orders_after("", 10).await.unwrap(), []);
    let counts = store.history.counts().await.unwrap();
    assert_eq!(counts, Counts { orders: 0, statuses: 2, returns: 0 });

    store.fold(&[received(placed("o1"), 0)]).await;

    let kept = store.history.order("o1").await.unwrap().unwrap();
    assert_eq!((&*kept.status, kept.stage.as_deref()), ("in_progress", Some("Bake")));
    let types: Vec<_> = kept.timeline.iter().map(|entry| &*entry.event_type).collect();
    assert_eq!(types, ["OrderPlaced", "OrderConfirmed", "StageStarted"]);
}

async fn a_status_never_goes_back(store: Store) {
    store.fold(&[received(placed("o1"), 0), received(ready("o1", 6), 6)]).await;
    store.fold(&[received(started("o1", 4, "Oven"), 4), received(confirmed("o1", 1), 1)]).await;
    // A second status of one sequence, which nobody should write: the first stays.
    store.fold(&[received(cancelled("o1", 6, "twice"), 6)]).await;

    let kept = store.history.order("o1").await.unwrap().unwrap();
    assert_eq!((&*kept.status, kept.stage), ("ready", None));
    assert_eq!(kept.timeline.len(), 5);
}

#[tokio::test]
async fn every_status_has_its_word() {
    let caused_by = CAUSE.to_owned();
    let id = || "o1".to_owned();
    let rejected = orderly_schemas::OrderRejected {
        order_id: id(),
        sequence: 1,
        caused_by: caused_by.clone(),
        reason: "sold out".into(),
    };
    let refunded = orderly_schemas::OrderRefunded {
        order_id: id(),
        sequence: 1,
        caused_by,
        amount: decimal("12.30"),
        currency: "EUR".into(),
    };
    let events: Vec<(Happened, &str, Option<&str>)> = vec![
        (confirmed("o1", 1).into(), "confirmed", None),
        (Happened::OrderRejected(rejected), "rejected", None),
        (queued("o1", 1, "Prep", 2).into(), "queued", Some("Prep")),
        (started("o1", 1, "Prep").into(), "in_progress", Some("Prep")),
        (stage_done("o1", 1, "Prep").into(), "in_progress", Some("Prep")),
        (ready("o1", 1).into(), "ready", None),
        (completed("o1", 1).into(), "completed", None),
        (cancelled("o1", 1, "no").into(), "cancelled", None),
        (Happened::OrderRefunded(refunded), "refunded", None),
    ];
    for (event, word, stage) in events {
        let store = Store::open().await;
        store.fold(&[received(placed("o1"), 0), received(event, 1)]).await;
        let kept = store.history.order("o1").await.unwrap().unwrap();
        assert_eq!((&*kept.status, kept.stage.as_deref()), (word, stage));
    }
}

async fn an_event_that_comes_again_changes_nothing(store: Store) {
    let story = [
        received(placed("o1"), 0),
        received(confirmed("o1", 1), 1),
        received(started("o1", 2, "Prep"), 2),
        received(collected("o1"), 3),
        received(returned("c1"), 4),
    ];
    store.fold(&story).await;
    let once = store.rows().await;

    store.fold(&story).await;
    store.fold(&[story[1].clone(), story[0].clone(), story[0].clone(), story[4].clone()]).await;
    // As a relay sends it again: the same event in another record.
    let mut resent = story[2].clone();
    resent.at.offset += 1_000;
    store.fold(&[resent]).await;

    assert_eq!(store.rows().await, once);
}

#[tokio::test]
async fn of_two_orders_under_one_id_the_first_stays_and_both_are_told() {
    for in_one_batch in [true, false] {
        let store = Store::open().await;
        let first = received(placed("o1"), 0);
        let mut other =
            with_lines(placed("o1"), &[("cola", 3, "1"), ("tea", 1, "2"), ("ice", 9, "3")]);
        other.0.total = decimal("32");
        let second = received(other, 1);
        if in_one_batch {
            store.fold(&[first.clone(), second.clone()]).await;
        } else {
            store.fold(std::slice::from_ref(&first)).await;
            store.fold(std::slice::from_ref(&second)).await;
        }

        let kept = store.history.order("o1").await.unwrap().unwrap();
        assert_eq!((kept.total, kept.lines.len()), (decimal("12.30"), 2));
        let page = store.history.timeline_after(("", ""), 10).await.unwrap();
        let mut ids: Vec<_> = page.iter().map(|event| event.event_id.clone()).collect();
        ids.sort_unstable();
        let mut both = vec![first.meta.id.to_string(), second.meta.id.to_string()];
        both.sort_unstable();
        assert_eq!(ids, both);
        assert_eq!(store.history.counts().await.unwrap().orders, 1);
    }
}

async fn a_return_stands_alone(store: Store) {
    store.fold(&[received(placed("o1"), 0), received(returned("c1"), 1)]).await;

    let sale = store.history.order("o1").await.unwrap().unwrap();
    assert_eq!((&*sale.status, sale.timeline.len()), ("placed", 1));
    assert_eq!(store.history.order("c1").await.unwrap(), None);
    let counts = store.history.counts().await.unwrap();
    assert_eq!(counts, Counts { orders: 1, statuses: 0, returns: 1 });
    assert_eq!(store.history.returns().await.unwrap()["EUR"], decimal("5.25"));
    assert_eq!(store.history.sales().await.unwrap()["EUR"], decimal("12.30"));
}

async fn what_the_customer_does_moves_no_status(store: Store) {
    let request = Happened::OrderCancellationRequested(OrderCancellationRequested {
        order_id: "o1".into(),
        reason: Some("ordered twice".into()),
        requested_by: RequestedBy::Customer,
    });
    store.fold(&[received(request, 1), received(collected("o1"), 2)]).await;
    assert_eq!(store.history.order("o1").await.unwrap(), None);
    store.fold(&[received(placed("o1"), 0)]).await;

    let kept = store.history.order("o1").await.unwrap().unwrap();
    assert_eq!(kept.status, "placed");
    let told: Vec<_> =
        kept.timeline.iter().map(|e| (&*e.event_type, e.reason.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("OrderPlaced", None),
            ("OrderCancellationRequested", Some("ordered twice")),
            ("OrderCollected", None)
        ]
    );
}

async fn an_order_may_have_no_user_and_no_lines(store: Store) {
    let Of(mut order) = placed("o1");
    (order.user_id, order.lines) = (None, lines(&[]));
    let mut imported = received(Of(order), 0);
    imported.meta.historic = true;
    store.fold(&[imported]).await;

    let kept = store.history.order("o1").await.unwrap().unwrap();
    assert_eq!((kept.user_id, kept.lines, kept.historic), (None, vec![], true));
}
