//! `GET /orders/{id}`.

use history::Happened;
use reqwest::StatusCode;
use serde_json::json;

use crate::parts::{
    Of, Store, cancelled, collected, completed, confirmed, decimal, lines, placed, received,
    returned, server::Server, started,
};

on_both! {
    an_order_is_shown_with_status_lines_and_timeline,
    a_timeline_runs_as_it_happened_whatever_the_clocks_said,
    an_order_that_was_not_seen_is_not_found,
    an_order_is_shown_to_the_caller_who_placed_it_and_to_no_other,
    a_confirmed_order_says_what_is_to_pay_and_which_rule_gave_what,
    a_refused_cancellation_is_told_and_the_order_stays_as_it_is,
    what_came_back_of_an_order_is_shown_return_by_return,
}

async fn an_order_is_shown_with_status_lines_and_timeline(store: Store) {
    let server = Server::start(&store.db).await;
    let mut story = [
        received(placed("o1"), 0),
        received(confirmed("o1", 1), 1),
        received(started("o1", 2, "Bake"), 2),
    ];
    story[0].meta.historic = true;
    story[0].event = {
        let Of(mut order) = placed("o1");
        order.lines[1].name = None;
        Of(order).into()
    };
    store.fold(&story).await;

    let shown = server.ok("/orders/o1").await;

    let ids = story.each_ref().map(|event| event.meta.id.to_string());
    assert_eq!(
        shown,
        json!({
            "order_id": "o1",
            "user_id": "ada",
            "status": "in_progress",
            "stage": "Bake",
            "waiting": {"for": "stage", "stage": "Bake", "station": 3,
                "since": "2026-11-20T12:00:02.000Z", "due_at": "2026-11-20T12:00:00.000Z"},
            "currency": "EUR",
            "total": "12.30",
            "placed_at": "2026-11-20T12:00:00.000Z",
            "historic": true,
            "lines": [
                {"sku": "margherita", "name": "a margherita", "quantity": 2, "unit_price": "5.25"},
                {"sku": "water", "quantity": 1, "unit_price": "1.80"},
            ],
            "timeline": [
                {"type": "OrderPlaced", "at": "2026-11-20T12:00:00.000Z", "event_id": ids[0]},
                {"type": "OrderConfirmed", "at": "2026-11-20T12:00:01.000Z", "event_id": ids[1],
                    "sequence": 1},
                {"type": "StageStarted", "at": "2026-11-20T12:00:02.000Z", "event_id": ids[2],
                    "sequence": 2, "stage": "Bake", "station": 3,
                    "due_at": "2026-11-20T12:00:00.000Z"},
            ],
        })
    );
    server.stop().await;
}

async fn a_timeline_runs_as_it_happened_whatever_the_clocks_said(store: Store) {
    let server = Server::start(&store.db).await;
    let mut placed = received(placed("o1"), 10);
    placed.meta.historic = true;
    // The kitchen's clock is late, and not always by as much.
    let Of(mut confirmed) = confirmed("o1", 1);
    confirmed.caused_by = placed.meta.id.to_string();
    let collected = received(collected("o1"), 60);
    let Of(mut completed) = completed("o1", 4);
    completed.caused_by = collected.meta.id.to_string();
    let story = [
        received(Of(completed), 55),
        collected,
        received(started("o1", 3, "Bake"), 7),
        received(cancelled("o1", 2, "no, after all not"), 8),
        received(Of(confirmed), 5),
        placed,
    ];
    store.fold(&story).await;

    let shown = server.ok("/orders/o1").await;

    let timeline = shown["timeline"].as_array().unwrap();
    let types: Vec<_> = timeline.iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "OrderPlaced",
            "OrderConfirmed",
            "OrderCancelled",
            "StageStarted",
            "OrderCollected",
            "OrderCompleted"
        ]
    );
    assert_eq!(timeline[2]["reason"], "no, after all not");
    server.stop().await;
}

async fn an_order_is_shown_to_the_caller_who_placed_it_and_to_no_other(store: Store) {
    let server = Server::start(&store.db).await;
    let Of(mut order) = placed("o1");
    order.caller = Some("shop-1".into());
    // A status first: the row is there before its order is.
    store.fold(&[received(confirmed("o1", 1), 1), received(placed("imported"), 2)]).await;
    server.problem("/orders/o1?caller=shop-1", StatusCode::NOT_FOUND).await;
    store.fold(&[received(Of(order.clone()), 0)]).await;
    // Placed a second time by another: it stays the first one's.
    order.caller = Some("shop-2".into());
    store.fold(&[received(Of(order), 3)]).await;

    for path in ["/orders/o1", "/orders/o1?caller=shop-1", "/orders/imported"] {
        server.ok(path).await;
    }
    for path in [
        "/orders/o1?caller=shop-2",
        "/orders/o1?caller=",
        "/orders/o1?caller=%00",
        "/orders/imported?caller=shop-1",
        "/orders/imported?caller=",
    ] {
        server.problem(path, StatusCode::NOT_FOUND).await;
    }
    server.problem("/orders/o1?caller=shop-1&caller=shop-1", StatusCode::BAD_REQUEST).await;
    server.stop().await;
}

async fn a_confirmed_order_says_what_is_to_pay_and_which_rule_gave_what(store: Store) {
    let server = Server::start(&store.db).await;
    store.fold(&[received(placed("o1"), 0)]).await;
    let shown = server.ok("/orders/o1").await;
    assert!(shown.get("to_pay").is_none() && shown.get("discounts").is_none(), "{shown}");

    let Of(mut confirmed) = confirmed("o1", 1);
    confirmed.to_pay = Some(decimal("11.80"));
    confirmed.discounts = vec![orderly_schemas::Discount {
        rule: "Pizza Tuesday".into(),
        coupon: Some("PIZZA".into()),
        sku: None,
        amount: decimal("0.50"),
    }];
    store.fold(&[received(Of(confirmed), 1)]).await;

    let shown = server.ok("/orders/o1").await;
    assert_eq!((&shown["total"], &shown["to_pay"]), (&json!("12.30"), &json!("11.80")));
    let given =
        json!([{ "rule": "Pizza Tuesday", "coupon": "PIZZA", "sku": null, "amount": "0.50" }]);
    assert_eq!(shown["discounts"], given);
    server.stop().await;
}

async fn a_refused_cancellation_is_told_and_the_order_stays_as_it_is(store: Store) {
    let server = Server::start(&store.db).await;
    let refused = orderly_schemas::OrderCancellationRefused {
        order_id: "o1".into(),
        sequence: 3,
        caused_by: "asked".into(),
        reason: "it is being prepared".into(),
    };
    let story = [
        received(placed("o1"), 0),
        received(confirmed("o1", 1), 1),
        received(started("o1", 2, "Bake"), 2),
        received(Happened::OrderCancellationRefused(refused), 3),
    ];
    store.fold(&story).await;

    let shown = server.ok("/orders/o1").await;
    assert_eq!((&shown["status"], &shown["stage"]), (&json!("in_progress"), &json!("Bake")));
    let last = &shown["timeline"][3];
    assert_eq!(last["type"], "OrderCancellationRefused");
    assert_eq!(last["reason"], "it is being prepared");
    server.stop().await;
}

async fn what_came_back_of_an_order_is_shown_return_by_return(store: Store) {
    let server = Server::start(&store.db).await;
    let first = received(returned("r2"), 20);
    let Of(mut second) = returned("r1");
    second.lines = lines(&[("margherita", 1, "5.2500"), ("water", 1, "1.8000")]);
    second.total = decimal("7.05");
    let (Of(mut of_another), Of(mut of_none)) = (returned("r3"), returned("r4"));
    of_another.original_order_id = Some("o2".into());
    of_none.original_order_id = None;
    store
        .fold(&[
            received(placed("o1"), 0),
            first.clone(),
            received(Of(second), 30),
            received(Of(of_another), 1),
            received(Of(of_none), 2),
        ])
        .await;
    // Said again, and under another event's id: it is there once, as it was said first.
    store.fold(&[first]).await;
    let Of(mut again) = returned("r2");
    again.lines = lines(&[("margherita", 2, "5.2500")]);
    store.fold(&[received(Of(again), 40)]).await;

    let shown = server.ok("/orders/o1").await;

    let margherita =
        json!({"sku": "margherita", "name": "a margherita", "quantity": 1, "unit_price": "5.25"});
    assert_eq!(
        shown["returns"],
        json!([
            {"return_id": "r2", "returned_at": "2026-11-20T12:00:20.000Z", "total": "5.25",
                "lines": [margherita]},
            {"return_id": "r1", "returned_at": "2026-11-20T12:00:30.000Z", "total": "7.05",
                "lines": [margherita,
                    {"sku": "water", "name": "a water", "quantity": 1, "unit_price": "1.80"}]},
        ])
    );
    server.stop().await;
}

async fn an_order_that_was_not_seen_is_not_found(store: Store) {
    let server = Server::start(&store.db).await;
    store.fold(&[received(confirmed("o1", 1), 1)]).await;

    for path in ["/orders/o1", "/orders/o2", "/orders/..%2Fetc", "/orders/%00"] {
        let detail = server.problem(path, StatusCode::NOT_FOUND).await;
        assert!(detail.contains("no order"), "{detail}");
    }
    server.problem("/order/o1", StatusCode::NOT_FOUND).await;
    assert_eq!(server.get("/healthz").await.status(), StatusCode::OK);
    server.stop().await;
}
