//! Users are for operators.

use std::fs;

use orderly_web::{ApiKeys, NewKey};
use reqwest::Method;

use crate::parts::{Answer, Club, ada, until};

#[tokio::test]
async fn operators_alone_read_and_change() {
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
    let club = Club::open_with(|settings| {
        settings.keys = keys;
        settings.members = 0;
    })
    .await;
    let ask = async |method: Method, key: &NewKey| {
        let request = club.request(method.clone(), "/users/ada").header("X-Api-Key", key.reveal());
        let request = if method == Method::PUT { request.json(&ada()) } else { request };
        Answer::of(request).await
    };
    // Whoever has no key isn't told.
    let is_ready = async || ask(Method::GET, &operator).await.status == 404;
    until("it is ready", is_ready).await;
    club.get("/users/ada").await.problem(401, "unauthenticated");
    assert_eq!(ask(Method::PUT, &operator).await.status, 201);
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        ask(method, &caller).await.problem(403, "not-allowed");
    }
    assert_eq!(ask(Method::GET, &operator).await.status, 200);
    assert_eq!(club.told().await.len(), 1);
    assert_eq!(ask(Method::DELETE, &operator).await.status, 204);
}
