//! What an order waits for, since when, and what is ahead of it; all that is in the kitchen.

use history::Happened;
use orderly_schemas::OrderCancellationRefused;
use serde_json::{Value, json};

use crate::parts::{
    CAUSE, Store, cancelled, completed, confirmed, placed, queued, ready, received, server::Server,
    stage_done, started,
};

on_both! {
    an_order_says_what_it_waits_for_all_the_way,
    a_line_is_counted_by_who_came_first_and_gets_shorter,
    an_order_that_left_the_kitchen_is_not_in_it_however_late_that_is_told_again,
    who_is_in_work_is_listed_before_who_is_in_line,
    however_long_the_line_is_who_is_in_work_is_listed,
}

async fn waiting(server: &Server, order_id: &str) -> Value {
    server.ok(&format!("/orders/{order_id}")).await["waiting"].clone()
}

async fn an_order_says_what_it_waits_for_all_the_way(store: Store) {
    let server = Server::start(&store.db).await;
    let noon = |second: u32| format!("2026-11-20T12:00:{second:02}.000Z");
    store.fold(&[received(placed("o1"), 0)]).await;
    let expected = json!({"for": "confirmation", "since": noon(0)});
    assert_eq!(waiting(&server, "o1").await, expected);

    let refused = |sequence| {
        Happened::OrderCancellationRefused(OrderCancellationRefused {
            order_id: "o1".into(),
            sequence,
            caused_by: CAUSE.into(),
            reason: "it is being prepared".into(),
        })
    };
    let due_at = noon(0);
    for (second, event, expected) in [
        (1, confirmed("o1", 1).into(), json!({"for": "preparation", "since": noon(1)})),
        (
            2,
            queued("o1", 2, "oven", 4).into(),
            json!({"for": "station", "stage": "oven", "since": noon(2), "ahead": 0}),
        ),
        (
            3,
            started("o1", 3, "oven").into(),
            json!({"for": "stage", "stage": "oven", "station": 3, "since": noon(3), "due_at": due_at}),
        ),
        // Told at that moment, and nothing moves.
        (
            4,
            refused(4),
            json!({"for": "stage", "stage": "oven", "station": 3, "since": noon(3), "due_at": due_at}),
        ),
        (
            5,
            stage_done("o1", 5, "oven").into(),
            json!({"for": "stage", "stage": "oven", "since": noon(5)}),
        ),
        (6, ready("o1", 6).into(), json!({"for": "collection", "since": noon(6)})),
        (7, completed("o1", 7).into(), Value::Null),
    ] {
        let event: Happened = event;
        store.fold(&[received(event, second.into())]).await;
        assert_eq!(waiting(&server, "o1").await, expected);
    }
    server.stop().await;
}

async fn a_line_is_counted_by_who_came_first_and_gets_shorter(store: Store) {
    let server = Server::start(&store.db).await;
    for (order, second) in [("b", 3), ("a", 3), ("c", 1), ("elsewhere", 1)] {
        let stage = if order == "elsewhere" { "prep" } else { "oven" };
        store
            .fold(&[received(placed(order), 0), received(queued(order, 1, stage, 9), second)])
            .await;
    }
    let mut ahead = Vec::new();
    for order in ["c", "a", "b", "elsewhere"] {
        ahead.push(waiting(&server, order).await["ahead"].as_i64().unwrap());
    }
    assert_eq!(ahead, [0, 1, 2, 0]);

    store
        .fold(&[
            received(started("c", 2, "oven"), 4),
            received(cancelled("a", 2, "changed my mind"), 4),
        ])
        .await;
    assert_eq!(waiting(&server, "b").await["ahead"], 0);
    server.stop().await;
}

async fn an_order_that_left_the_kitchen_is_not_in_it_however_late_that_is_told_again(store: Store) {
    let in_line = received(queued("o1", 1, "oven", 0), 1);
    let in_the_oven = received(started("o1", 2, "oven"), 2);
    store.fold(&[received(placed("o1"), 0), in_line.clone()]).await;
    assert_eq!(store.rows().await["history_kitchen"].len(), 1);
    store.fold(&[in_the_oven.clone(), received(ready("o1", 3), 3)]).await;
    assert_eq!(store.rows().await["history_kitchen"], []);

    store.fold(&[in_line]).await;
    store.fold(&[in_the_oven]).await;
    assert_eq!(store.rows().await["history_kitchen"], []);
}

async fn who_is_in_work_is_listed_before_who_is_in_line(store: Store) {
    let server = Server::start(&store.db).await;
    let empty = json!({"orders": [], "count": 0});
    assert_eq!(server.ok("/kitchen/orders").await, empty);
    let noon = |second: u32| format!("2026-11-20T12:00:{second:02}.000Z");
    for order in ["between", "in_line", "in_work", "gone", "not_yet"] {
        store.fold(&[received(placed(order), 0), received(confirmed(order, 1), 0)]).await;
    }
    store
        .fold(&[
            received(started("between", 2, "prep"), 1),
            received(stage_done("between", 3, "prep"), 5),
            received(queued("in_line", 2, "oven", 0), 4),
            received(started("in_work", 2, "oven"), 3),
            received(started("gone", 2, "oven"), 1),
            received(ready("gone", 3), 2),
        ])
        .await;
    let expected = json!({
        "orders": [
            {"order_id": "in_work", "status": "in_progress", "stage": "oven", "station": 3,
                "since": noon(3), "due_at": noon(0), "sequence": 2},
            {"order_id": "between", "status": "in_progress", "stage": "prep", "since": noon(5),
                "sequence": 3},
            {"order_id": "in_line", "status": "queued", "stage": "oven", "since": noon(4),
                "sequence": 2},
        ],
        "count": 3,
    });
    assert_eq!(server.ok("/kitchen/orders").await, expected);
    server.stop().await;
}

async fn however_long_the_line_is_who_is_in_work_is_listed(store: Store) {
    let server = Server::start(&store.db).await;
    let came_first = |number: usize| received(queued(&format!("q{number:03}"), 1, "oven", 0), 1);
    let mut events: Vec<_> = (0..501).map(came_first).collect();
    events.push(received(started("in_work", 1, "oven"), 9));
    store.fold(&events).await;
    let shown = server.ok("/kitchen/orders").await;
    let orders = shown["orders"].as_array().unwrap();
    assert_eq!(orders[0]["order_id"], "in_work");
    let line: Vec<_> =
        orders[1..].iter().map(|order| order["order_id"].as_str().unwrap()).collect();
    let expected: Vec<_> = (0..500).map(|number| format!("q{number:03}")).collect();
    assert_eq!(line, expected);
    assert_eq!(shown["count"], 502);
    server.stop().await;
}
