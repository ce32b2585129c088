//! What a PUT makes of a product, and what it tells.

use orderly_schemas::{ProductChanged, ProductState};
use serde_json::json;

use crate::parts::{Shop, decode, margherita, with};

on_both! {
    a_new_product_is_kept_shown_and_told,
    a_change_replaces_everything_and_is_told_behind_it,
    what_changes_nothing_is_told_to_nobody,
    what_was_read_can_be_put_back,
    prices_are_kept_exactly,
}

async fn a_new_product_is_kept_shown_and_told(shop: Shop) {
    let put = shop.put("/products/margherita", &margherita()).await;
    let mut whole = margherita();
    whole["sku"] = json!("margherita");
    assert_eq!(put.json(201), whole);
    assert_eq!(put.header("location"), Some("/products/margherita"));

    let shown = shop.get("/products/margherita").await;
    assert_eq!((shown.json(200), shown.etag()), (whole, put.etag()));
    let records = shop.records().await;
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!((&*record.topic, record.key.as_deref()), ("catalogue", Some(&b"margherita"[..])));
    // The version is the event that told of it.
    assert_eq!(Some(put.etag().trim_matches('"')), record.headers.get_str("ce_id"));
    assert_eq!(record.headers.get_str("ce_source"), Some("catalogue"));
    let told: ProductChanged = decode(record.payload.as_ref().unwrap());
    assert_eq!(
        told,
        ProductChanged {
            sku: "margherita".into(),
            name: "Margherita".into(),
            description: Some("Tomatoes, mozzarella, basil.".into()),
            category: Some("pizza".into()),
            price: "8.5000".parse().unwrap(),
            currency: "GBP".into(),
            state: ProductState::Active,
        }
    );
}

async fn a_change_replaces_everything_and_is_told_behind_it(shop: Shop) {
    let first = shop.put("/products/a", &margherita()).await;
    let bare = json!({ "name": "M", "price": "9", "currency": "EUR", "state": "withdrawn" });
    let second = shop.put("/products/a", &bare).await;
    let shown = json!({
        "sku": "a", "name": "M", "price": "9.00", "currency": "EUR", "state": "withdrawn",
    });
    assert_eq!(second.json(200), shown);
    assert_ne!(first.etag(), second.etag());
    assert_eq!(second.header("location"), None);
    let told = shop.told().await;
    let told: Vec<_> =
        told.iter().map(|(_, key, event)| (&**key, event.clone().unwrap())).collect();
    assert_eq!(
        told,
        [
            ("a", json!({ "name": "Margherita", "price": "8.5000", "state": "Active" })),
            ("a", json!({ "name": "M", "price": "9.0000", "state": "Withdrawn" })),
        ]
    );
}

async fn what_changes_nothing_is_told_to_nobody(shop: Shop) {
    let first = shop.put("/products/a", &margherita()).await;
    for same in [margherita(), with(&json!({ "price": "8.5000" })), with(&json!({ "sku": "a" }))] {
        let again = shop.put("/products/a", &same).await;
        assert_eq!((again.status, again.etag()), (200, first.etag()));
    }
    assert_eq!(shop.told().await.len(), 1);
}

async fn what_was_read_can_be_put_back(shop: Shop) {
    shop.put("/products/a", &with(&json!({ "description": null, "category": null }))).await;
    let shown = shop.get("/products/a").await;
    let back = shop.put("/products/a", &shown.json(200)).await;
    assert_eq!((back.status, back.etag()), (200, shown.etag()));
}

async fn prices_are_kept_exactly(shop: Shop) {
    for (given, shown) in [
        ("0", "0.00"),
        ("0.0001", "0.0001"),
        ("1.1", "1.10"),
        ("007", "7.00"),
        ("99999999999999.9999", "99999999999999.9999"),
    ] {
        shop.put("/products/a", &with(&json!({ "price": given }))).await;
        assert_eq!(shop.get("/products/a").await.json(200)["price"], shown);
    }
}

#[tokio::test]
async fn the_callers_trace_goes_on_in_what_is_told() {
    let shop = Shop::open().await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = shop.request(reqwest::Method::PUT, "/products/a").json(&margherita());
    let put = crate::parts::Answer::of(request.header("traceparent", parent)).await;
    assert_eq!(put.status, 201);
    let records = shop.records().await;
    let told = records[0].headers.get_str("traceparent").unwrap();
    assert!(told.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{told}");
}
