//! Who may read, and who may change.

use std::fs;

use orderly_web::{ApiKeys, NewKey};
use reqwest::Method;
use serde_json::json;

use crate::parts::{Answer, Shop, margherita, until};

#[tokio::test]
async fn callers_read_and_operators_change() {
    let (caller, operator) = (NewKey::random().unwrap(), NewKey::random().unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = format!(
        "- {{ caller: shop, key_sha256: [{}] }}\n\
         - {{ caller: office, role: operator, key_sha256: [{}] }}\n",
        caller.sha256(),
        operator.sha256()
    );
    fs::write(file.path(), text).unwrap();
    let keys = ApiKeys::load(file.path()).unwrap();
    let shop = Shop::open_with(|settings| settings.keys = keys).await;
    let ask = async |method: Method, path: &str, key: &NewKey| {
        let request = shop.request(method.clone(), path).header("X-Api-Key", key.reveal());
        let body = if path.starts_with("/stock") { json!({ "on_hand": 1 }) } else { margherita() };
        let request = if method == Method::PUT { request.json(&body) } else { request };
        Answer::of(request).await
    };

    // Whoever has no key isn't told.
    let is_ready = async || ask(Method::GET, "/products", &caller).await.status == 200;
    until("it is ready", is_ready).await;
    shop.get("/products").await.problem(401, "unauthenticated");
    shop.put("/products/a", &margherita()).await.problem(401, "unauthenticated");
    assert_eq!(shop.get("/healthz").await.status, 200);
    for (method, path) in
        [(Method::PUT, "/products/a"), (Method::DELETE, "/products/a"), (Method::PUT, "/stock/a")]
    {
        ask(method, path, &caller).await.problem(403, "not-allowed");
    }
    assert!(shop.told().await.is_empty());
    assert_eq!(ask(Method::PUT, "/products/a", &operator).await.status, 201);
    assert_eq!(ask(Method::PUT, "/stock/a", &operator).await.status, 200);
    for path in ["/products", "/products/a", "/stock/a"] {
        assert_eq!(ask(Method::GET, path, &caller).await.status, 200, "{path}");
    }
    assert_eq!(ask(Method::DELETE, "/products/a", &operator).await.status, 204);
}
