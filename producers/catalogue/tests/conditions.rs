//! Changes only of what the caller saw.

use reqwest::Method;
use serde_json::json;

use crate::parts::{Answer, Shop, margherita, with};

on_both! {
    only_the_version_that_was_seen_is_changed,
    only_what_is_new_is_made,
    only_the_version_that_was_seen_is_removed,
}

async fn put_if(shop: &Shop, header: &str, tag: &str, price: &str) -> Answer {
    let request = shop.request(Method::PUT, "/products/a").header(header, tag);
    Answer::of(request.json(&with(&json!({ "price": price })))).await
}

async fn only_the_version_that_was_seen_is_changed(shop: Shop) {
    put_if(&shop, "If-Match", "*", "1").await.problem(412, "precondition-failed");
    let first = shop.put("/products/a", &margherita()).await;
    let second = put_if(&shop, "If-Match", first.etag(), "2").await;
    assert_eq!(second.status, 200);
    for tag in [first.etag(), "\"x\"", &format!("W/{}", second.etag())] {
        put_if(&shop, "If-Match", tag, "3").await.problem(412, "precondition-failed");
    }
    let third = put_if(&shop, "If-Match", &format!("\"x\", {}", second.etag()), "3").await;
    assert_eq!((third.status, put_if(&shop, "If-Match", "*", "4").await.status), (200, 200));
    // Refused, too, where it would change nothing: it isn't what the caller saw.
    put_if(&shop, "If-Match", third.etag(), "4").await.problem(412, "precondition-failed");
    assert_eq!(shop.told().await.len(), 4);
}

async fn only_what_is_new_is_made(shop: Shop) {
    assert_eq!(put_if(&shop, "If-None-Match", "*", "1").await.status, 201);
    put_if(&shop, "If-None-Match", "*", "2").await.problem(412, "precondition-failed");
    assert_eq!(shop.get("/products/a").await.json(200)["price"], "1.00");
    shop.delete("/products/a").await;
    assert_eq!(put_if(&shop, "If-None-Match", "*", "2").await.status, 201);
    assert_eq!(shop.told().await.len(), 3);
}

async fn only_the_version_that_was_seen_is_removed(shop: Shop) {
    let first = shop.put("/products/a", &margherita()).await;
    let second = shop.put("/products/a", &with(&json!({ "price": "2" }))).await;
    let remove = async |tag: &str| {
        Answer::of(shop.request(Method::DELETE, "/products/a").header("If-Match", tag)).await
    };
    remove(first.etag()).await.problem(412, "precondition-failed");
    assert_eq!(remove(second.etag()).await.status, 204);
    remove(second.etag()).await.problem(412, "precondition-failed");
}

#[tokio::test]
async fn who_has_a_version_is_not_sent_it_again() {
    let shop = Shop::open().await;
    let put = shop.put("/products/a", &margherita()).await;
    let ask = async |tag: &str| {
        Answer::of(shop.request(Method::GET, "/products/a").header("If-None-Match", tag)).await
    };
    let has = ask(put.etag()).await;
    assert_eq!((has.status, &*has.body, has.etag()), (304, "", put.etag()));
    assert_eq!(ask("\"another\"").await.status, 200);
}
