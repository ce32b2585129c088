//! `GET /orders/{id}`.

use reqwest::StatusCode;
use serde_json::json;

use crate::parts::{
    Of, Store, cancelled, collected, completed, confirmed, placed, received, server::Server,
    started,
};

on_both! {
    an_order_is_shown_with_status_lines_and_timeline,
    a_timeline_runs_as_it_happened_whatever_the_clocks_said,
    an_order_that_was_not_seen_is_not_found,
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
                    "sequence": 2, "stage": "Bake"},
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
