//! `GET /orders/{id}/events`.

use history::Happened;
use orderly_sdk::consume::Received;
use orderly_stores::Positions;
use reqwest::StatusCode;
use serde_json::json;

use crate::parts::{Of, Store, cancelled, confirmed, placed, received, server::Server, started};

on_both! {
    what_happened_is_shown_with_where_it_lies_and_how_far_was_read,
    what_happened_is_shown_to_who_placed_it_and_to_no_other,
}

fn at(mut event: Received<Happened>, partition: i32, offset: i64) -> Received<Happened> {
    event.at.partition.partition = partition;
    event.at.offset = offset;
    event
}

async fn what_happened_is_shown_with_where_it_lies_and_how_far_was_read(store: Store) {
    Positions::new(store.db.clone(), "test").prepare().await.unwrap();
    let server = Server::start(&store.db).await;
    let story = [
        at(received(placed("o1"), 5), 3, 41),
        at(received(confirmed("o1", 1), 1), 2, 7),
        at(received(started("o1", 2, "Bake"), 2), 2, 9),
        at(received(cancelled("o1", 3, "changed my mind"), 3), 2, 10),
        at(received(placed("o2"), 0), 3, 42),
    ];
    store.fold(&story).await;
    let mut tx = store.db.begin().await.unwrap();
    for (topic, partition, next) in [("orders", 3, 43), ("order-status", 2, 11), ("orders", 4, 99)]
    {
        let sql = "INSERT INTO positions (group_id, topic, partition_id, next_offset, cluster_id, moved_at)
                   VALUES ('history', $1, $2, $3, 'test', $4)";
        let now = chrono::Utc::now();
        tx.execute(sql, &[topic.into(), partition.into(), next.into(), now.into()]).await.unwrap();
    }
    tx.commit().await.unwrap();

    let shown = server.ok("/orders/o1/events?orders=3&statuses=2").await;

    assert_eq!((&shown["orders_next"], &shown["statuses_next"]), (&json!(43), &json!(11)));
    let mut lie: Vec<_> = shown["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            (
                event["topic"].as_str().unwrap(),
                event["offset"].as_i64().unwrap(),
                event["type"].as_str().unwrap(),
            )
        })
        .collect();
    lie.sort_unstable();
    assert_eq!(
        lie,
        [
            ("order-status", 7, "OrderConfirmed"),
            ("order-status", 9, "StageStarted"),
            ("order-status", 10, "OrderCancelled"),
            ("orders", 41, "OrderPlaced"),
        ]
    );
    let started = &shown["events"][1];
    assert_eq!((&started["stage"], &started["sequence"]), (&json!("Bake"), &json!(2)));
    assert_eq!(started["event_id"], story[2].meta.id.to_string());
    // Where nothing was read yet.
    let shown = server.ok("/orders/o1/events?orders=0&statuses=0").await;
    assert_eq!((&shown["orders_next"], &shown["statuses_next"]), (&json!(0), &json!(0)));
    server.problem("/orders/o1/events?orders=x&statuses=0", StatusCode::BAD_REQUEST).await;
    server.stop().await;
}

async fn what_happened_is_shown_to_who_placed_it_and_to_no_other(store: Store) {
    let server = Server::start(&store.db).await;
    let Of(mut adas) = placed("o1");
    adas.caller = Some("ada".into());
    store.fold(&[received(Of(adas), 0), received(confirmed("o2", 1), 1)]).await;
    for (path, status) in [
        ("/orders/o1/events?orders=0&statuses=0&caller=ada", StatusCode::OK),
        ("/orders/o1/events?orders=0&statuses=0", StatusCode::OK),
        ("/orders/o1/events?orders=0&statuses=0&caller=bob", StatusCode::NOT_FOUND),
        // Not placed as far as is known.
        ("/orders/o2/events?orders=0&statuses=0", StatusCode::NOT_FOUND),
        ("/orders/o3/events?orders=0&statuses=0", StatusCode::NOT_FOUND),
        ("/orders/o%00/events?orders=0&statuses=0", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(server.get(path).await.status(), status, "{path}");
    }
    server.stop().await;
}
