//! Products that are removed for good.

use serde_json::json;

use crate::parts::{Shop, margherita};

on_both! {
    a_removed_product_is_gone_and_a_tombstone_tells_so,
    its_last_count_goes_with_it,
    put_again_it_is_new_and_has_another_version,
}

async fn a_removed_product_is_gone_and_a_tombstone_tells_so(shop: Shop) {
    shop.put("/products/a", &margherita()).await;
    shop.put("/products/b", &margherita()).await;
    let removed = shop.delete("/products/a").await;
    assert_eq!((removed.status, &*removed.body), (204, ""));
    shop.get("/products/a").await.problem(404, "product-not-found");
    shop.delete("/products/a").await.problem(404, "product-not-found");
    assert_eq!(shop.get("/products/b").await.status, 200);
    let told = shop.told().await;
    assert_eq!(told.len(), 3);
    assert_eq!(told[2], ("catalogue".into(), "a".into(), None));
}

async fn its_last_count_goes_with_it(shop: Shop) {
    shop.put("/products/a", &margherita()).await;
    shop.put("/stock/a", &json!({ "on_hand": 3 })).await;
    assert_eq!(shop.delete("/products/a").await.status, 204);
    shop.get("/stock/a").await.problem(404, "stock-not-counted");
    let told = shop.told().await;
    assert_eq!(
        told[2..],
        [("catalogue".into(), "a".into(), None), ("stock".into(), "a".into(), None)]
    );
}

async fn put_again_it_is_new_and_has_another_version(shop: Shop) {
    let first = shop.put("/products/a", &margherita()).await;
    shop.delete("/products/a").await;
    let second = shop.put("/products/a", &margherita()).await;
    assert_eq!(second.status, 201);
    assert_ne!(first.etag(), second.etag());
    assert_eq!(shop.told().await.len(), 3);
}
