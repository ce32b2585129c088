//! `GET /users/{id}/orders`.

use std::collections::BTreeSet;

use orderly_schemas::OrderPlaced;
use reqwest::StatusCode;
use serde_json::json;

use crate::parts::{Of, Store, confirmed, placed, received, server::Server};

on_both! {
    a_user_who_cannot_be_has_no_orders,
    forty_five_orders_are_paged_without_gap_or_repeat,
    a_list_tells_each_order_in_short,
    a_full_last_page_has_no_next,
    a_caller_is_listed_what_they_placed_page_by_page,
    a_list_asked_for_wrongly_is_refused_by_what_is_wrong,
}

async fn forty_five_orders_are_paged_without_gap_or_repeat(store: Store) {
    let server = Server::start(&store.db).await;
    let mut orders = Vec::new();
    for i in 0..45 {
        // Five at a time are placed in the same millisecond, where pages of seven end among them.
        orders.push(received(placed(&format!("o{i:02}")), i / 5));
        orders.push(received(of("bob", &format!("b{i:02}")), i / 5));
    }
    store.fold(&orders).await;

    let (mut seen, mut pages, mut cursor) = (Vec::new(), 0, None::<String>);
    loop {
        let more = cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = server.ok(&format!("/users/ada/orders?limit=7{more}")).await;
        let orders = page["orders"].as_array().unwrap();
        seen.extend(orders.iter().map(|order| order["order_id"].as_str().unwrap().to_owned()));
        pages += 1;
        // What is placed meanwhile is newer than what is still to come.
        store.fold(&[received(placed(&format!("new{pages}")), 1_000)]).await;
        match page.get("next") {
            Some(next) => cursor = Some(next.as_str().unwrap().to_owned()),
            None => break,
        }
    }

    let newest_first: Vec<_> = (0..45).rev().map(|i| format!("o{i:02}")).collect();
    assert_eq!(seen, newest_first);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 45);
    assert_eq!(pages, 7);
    server.stop().await;
}

async fn a_user_who_cannot_be_has_no_orders(store: Store) {
    let server = Server::start(&store.db).await;
    assert_eq!(store.history.user_orders("a\0b", None, None, 5).await.unwrap().orders, []);
    let list = server.ok("/users/%00/orders").await;
    assert_eq!(list["orders"], serde_json::json!([]));
    server.stop().await;
}

async fn a_list_tells_each_order_in_short(store: Store) {
    let server = Server::start(&store.db).await;
    store.fold(&[received(placed("o1"), 0), received(confirmed("o1", 1), 1)]).await;
    store.fold(&[received(confirmed("not-placed", 1), 1)]).await;

    assert_eq!(
        server.ok("/users/ada/orders").await,
        json!({"orders": [{"order_id": "o1", "status": "confirmed", "currency": "EUR",
            "total": "12.30", "placed_at": "2026-11-20T12:00:00.000Z"}]})
    );
    assert_eq!(server.ok("/users/nobody/orders").await, json!({"orders": []}));
    server.stop().await;
}

async fn a_caller_is_listed_what_they_placed_page_by_page(store: Store) {
    let server = Server::start(&store.db).await;
    let mut orders = Vec::new();
    for i in 0..6 {
        orders.push(received(by("shop-1", &format!("s{i}")), i));
        orders.push(received(by("shop-2", &format!("t{i}")), i));
        // Imported: no caller's.
        orders.push(received(placed(&format!("u{i}")), i));
    }
    store.fold(&orders).await;

    let ids = |page: &serde_json::Value| {
        let orders = page["orders"].as_array().unwrap();
        orders.iter().map(|o| o["order_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = server.ok("/users/ada/orders?limit=4&caller=shop-1").await;
    assert_eq!(ids(&first), ["s5", "s4", "s3", "s2"]);
    let cursor = first["next"].as_str().unwrap();
    let path = format!("/users/ada/orders?limit=4&caller=shop-1&cursor={cursor}");
    let second = server.ok(&path).await;
    assert_eq!(ids(&second), ["s1", "s0"]);
    assert_eq!(second.get("next"), None);
    for caller in ["shop-3", "", "SHOP-1", "%00", "%25"] {
        let page = server.ok(&format!("/users/ada/orders?caller={caller}")).await;
        assert_eq!(page, json!({"orders": []}), "{caller}");
    }
    assert_eq!(ids(&server.ok("/users/ada/orders").await).len(), 18);
    server.stop().await;
}

async fn a_full_last_page_has_no_next(store: Store) {
    let server = Server::start(&store.db).await;
    store.fold(&[received(placed("o1"), 0), received(placed("o2"), 0)]).await;

    let page = server.ok("/users/ada/orders?limit=2").await;

    assert_eq!(page["orders"].as_array().unwrap().len(), 2);
    assert_eq!(page.get("next"), None);
    server.stop().await;
}

async fn a_list_asked_for_wrongly_is_refused_by_what_is_wrong(store: Store) {
    let server = Server::start(&store.db).await;

    for (asked, named) in [
        ("cursor=", "cursor"),
        ("cursor=zz", "cursor"),
        ("cursor=6f31", "cursor"),
        ("cursor=313a", "cursor"), // a time without an order
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=many", "limit"),
    ] {
        let path = format!("/users/ada/orders?{asked}");
        let detail = server.problem(&path, StatusCode::BAD_REQUEST).await;
        assert!(detail.contains(named), "{asked}: {detail}");
    }
    server.stop().await;
}

fn by(caller: &str, order_id: &str) -> Of<OrderPlaced> {
    Of(OrderPlaced { caller: Some(caller.into()), ..placed(order_id).0 })
}

fn of(user: &str, order_id: &str) -> Of<OrderPlaced> {
    Of(OrderPlaced { user_id: Some(user.into()), ..placed(order_id).0 })
}
