//! What was kept is there after a restart.

use serde_json::json;

use crate::parts::{Shop, margherita, with};

on_both! { a_restart_keeps_products_counts_and_what_is_yet_to_be_told }

async fn a_restart_keeps_products_counts_and_what_is_yet_to_be_told(mut shop: Shop) {
    let put = shop.put("/products/a", &margherita()).await;
    shop.put("/stock/a", &json!({ "on_hand": 3 })).await;
    let (rows, told) = (shop.rows().await, shop.told().await);

    shop.restart().await;
    assert_eq!((shop.rows().await, shop.told().await), (rows, told));
    assert_eq!(shop.get("/products/a").await.etag(), put.etag());
    assert_eq!(shop.put("/products/a", &margherita()).await.status, 200);
    assert_eq!(shop.put("/products/a", &with(&json!({ "price": "9" }))).await.status, 200);
    assert_eq!(shop.told().await.len(), 3);
}
