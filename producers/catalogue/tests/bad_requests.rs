//! Hostile and mistaken requests: each is refused with a problem, and nothing is written.

use reqwest::Method;
use serde_json::{Value, json};

use crate::parts::{Answer, Shop, margherita, with};

/// A product's fields that are wrong, and the field that the problem names.
fn bad_products() -> Vec<(Value, &'static str)> {
    let mut bad = vec![
        (json!([]), "(body)"),
        (json!(null), "(body)"),
        (json!(1), "(body)"),
        (json!("product"), "(body)"),
        (json!({}), "name"),
    ];
    let fields = [
        (
            "name",
            vec![
                json!(null),
                json!(""),
                json!(1),
                json!([]),
                json!("a\u{0}b"),
                json!("a\nb"),
                json!("é".repeat(201)),
            ],
        ),
        (
            "description",
            vec![json!(""), json!(7), json!("a\u{7f}"), json!("a\u{0}"), json!("x".repeat(2_001))],
        ),
        ("category", vec![json!(""), json!({}), json!("a\tb"), json!("x".repeat(65))]),
        (
            "price",
            vec![
                json!(null),
                json!(8.5),
                json!(8),
                json!(-0.0),
                json!(""),
                json!("-1"),
                json!("-0"),
                json!("+1"),
                json!("1e3"),
                json!("1e400"),
                json!("NaN"),
                json!("1,50"),
                json!("1."),
                json!(".5"),
                json!(" 1"),
                json!("1_000"),
                json!("0x10"),
                json!("１"),
                json!("1.00001"),
                json!("100000000000000"),
                json!("1".repeat(5_000)),
                json!(["1"]),
            ],
        ),
        (
            "currency",
            vec![
                json!(null),
                json!("gbp"),
                json!("EURO"),
                json!("E1R"),
                json!("€€€"),
                json!(""),
                json!(3),
            ],
        ),
        ("state", vec![json!(null), json!("ACTIVE"), json!("unknown"), json!("gone"), json!(true)]),
        ("sku", vec![json!("another"), json!(1), json!("")]),
    ];
    for (name, values) in fields {
        bad.extend(values.into_iter().map(|value| (with(&json!({ name: value })), name)));
    }
    for name in ["version", "on_hand", "etag", "__proto__", "Name"] {
        bad.push((with(&json!({ name: "x" })), name));
    }
    bad
}

#[tokio::test]
async fn a_product_that_is_wrong_is_refused_naming_the_field() {
    let shop = Shop::open().await;
    for (body, field) in bad_products() {
        let problem = shop.put("/products/a", &body).await.problem(422, "invalid-product");
        assert!(problem.errors.iter().any(|error| error.field == field), "{field}: {problem:?}");
    }
    assert_nothing_was_written(&shop).await;
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let shop = Shop::open().await;
    let body = json!({ "name": "", "price": 1, "currency": "x", "state": "x", "what": 1 });
    let problem = shop.put("/products/a", &body).await.problem(422, "invalid-product");
    let fields: Vec<_> = problem.errors.iter().map(|error| &*error.field).collect();
    assert_eq!(fields, ["what", "name", "price", "currency", "state"]);
    let twice = r#"{"name":"a","name":"b","price":"1","currency":"EUR","state":"active"}"#;
    let answer = put_text(&shop, "/products/a", twice.as_bytes()).await;
    let problem = answer.problem(422, "invalid-product");
    assert!(problem.errors[0].message.contains("more than once"), "{problem:?}");
    let many =
        format!("{{{}}}", (0..500).map(|n| format!("\"x{n}\":1")).collect::<Vec<_>>().join(","));
    let problem = put_text(&shop, "/products/a", many.as_bytes()).await;
    assert_eq!(problem.problem(422, "invalid-product").errors.len(), 50);
    assert_nothing_was_written(&shop).await;
}

#[tokio::test]
async fn a_count_that_is_wrong_is_refused() {
    let shop = Shop::open().await;
    shop.put("/products/a", &margherita()).await;
    for body in [
        json!([]),
        json!(5),
        json!({}),
        json!({ "on_hand": null }),
        json!({ "on_hand": -1 }),
        json!({ "on_hand": 1.5 }),
        json!({ "on_hand": 1e30 }),
        json!({ "on_hand": "5" }),
        json!({ "on_hand": 2_147_483_648_u32 }),
        json!({ "on_hand": u64::MAX }),
        json!({ "on_hand": [1] }),
        json!({ "on_hand": 1, "sku": "a" }),
        json!({ "on_hand": 1, "held": 0 }),
    ] {
        shop.put("/stock/a", &body).await.problem(422, "invalid-count");
    }
    shop.get("/stock/a").await.problem(404, "stock-not-counted");
    assert_eq!(shop.told().await.len(), 1);
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let shop = Shop::open().await;
    shop.put("/products/b", &margherita()).await;
    let deep = "[".repeat(10_000);
    let bodies: [&[u8]; 14] = [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"nul",
        b"{'a':1}",
        b"{\"a\":1,}",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\0}\0",
        b"{\"a\":\"\xff\"}",
        b"\"\\ud800\"",
        b"{\"price\":NaN}",
        b"{\"price\":1e999}",
        deep.as_bytes(),
    ];
    for path in ["/products/a", "/stock/b"] {
        for body in bodies {
            // The bound of a count is smaller than what nests so deep.
            let answer = put_text(&shop, path, body).await;
            if answer.status == 413 {
                assert!(path.starts_with("/stock"), "{answer:?}");
                continue;
            }
            answer.problem(400, "malformed-json");
        }
    }
    assert_eq!(shop.told().await.len(), 1);
}

#[tokio::test]
async fn a_body_has_to_be_json_within_bounds() {
    let shop = Shop::open().await;
    let body = margherita().to_string();
    let put = || shop.request(Method::PUT, "/products/a").body(body.clone());
    for media_type in ["text/plain", "application/jsonx", "json", "multipart/form-data"] {
        let answer = Answer::of(put().header("Content-Type", media_type)).await;
        answer.problem(415, "unsupported-media-type");
    }
    Answer::of(put()).await.problem(415, "unsupported-media-type");
    let json = || put().header("Content-Type", "application/json");
    let twice = json().header("Content-Type", "application/json");
    Answer::of(twice).await.problem(415, "unsupported-media-type");
    for coding in ["gzip", "zstd", "identity, gzip"] {
        let answer = Answer::of(json().header("Content-Encoding", coding)).await;
        answer.problem(415, "unsupported-media-type");
    }
    let large = format!("{}{body}", " ".repeat(32 * 1024 + 1 - body.len()));
    put_text(&shop, "/products/a", large.as_bytes()).await.problem(413, "body-too-large");
    assert_nothing_was_written(&shop).await;
    let fits = format!("{}{body}", " ".repeat(32 * 1024 - body.len()));
    assert_eq!(put_text(&shop, "/products/a", fits.as_bytes()).await.status, 201);
    let answer = put_text(&shop, "/stock/a", " ".repeat(1_025).as_bytes()).await;
    answer.problem(413, "body-too-large");
}

#[tokio::test]
async fn paths_that_can_name_no_product_are_refused() {
    let shop = Shop::open().await;
    let long = "a".repeat(65);
    for sku in ["%00", "a%20b", "%F0%9F%8D%95", "a%2Fb", "%ff", "caf%C3%A9", "a;b", "a'b", &long] {
        let path = format!("/products/{sku}");
        let problem = shop.put(&path, &margherita()).await.problem(422, "invalid-product");
        assert_eq!(problem.errors[0].field, "sku");
        shop.get(&path).await.problem(404, "product-not-found");
        shop.delete(&path).await.problem(404, "product-not-found");
        let path = format!("/stock/{sku}");
        shop.put(&path, &json!({ "on_hand": 1 })).await.problem(404, "product-not-found");
        shop.get(&path).await.problem(404, "product-not-found");
    }
    for path in ["/", "/product/a", "/products/a/b", "/products/", "/stock", "/metrics"] {
        shop.get(path).await.problem(404, "no-such-route");
    }
    for (method, path) in [
        (Method::POST, "/products/a"),
        (Method::PATCH, "/products/a"),
        (Method::PUT, "/products"),
        (Method::DELETE, "/stock/a"),
        (Method::from_bytes(b"BREW").unwrap(), "/products/a"),
    ] {
        Answer::of(shop.request(method, path)).await.problem(405, "method-not-allowed");
    }
    assert_nothing_was_written(&shop).await;
}

#[tokio::test]
async fn parameters_that_cannot_be_understood_are_refused() {
    let shop = Shop::open().await;
    let long = format!("q={}", "x".repeat(201));
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=1.5",
        "limit=many",
        "limit=99999999999999999999",
        "limit=1&limit=2",
        "state=ACTIVE",
        "state=",
        "q=",
        "q=%00",
        "category=",
        "category=a%00",
        "after=..",
        "after=%F0%9F%8D%95",
        "sort=price",
        &long,
    ] {
        shop.get(&format!("/products?{query}")).await.problem(400, "invalid-request");
    }
}

#[tokio::test]
async fn conditions_that_cannot_be_understood_change_nothing() {
    let shop = Shop::open().await;
    for name in ["If-Match", "If-None-Match"] {
        for tag in ["a", "\"a", "*, \"a\"", "\"a\" \"b\"", "W/a", "\"a b\""] {
            let put = shop.request(Method::PUT, "/products/a").header(name, tag);
            Answer::of(put.json(&margherita())).await.problem(400, "invalid-request");
        }
    }
    let put = shop.request(Method::PUT, "/products/a").json(&margherita());
    let many = (0..70).fold(put, |put, n| put.header(format!("x-{n}"), "x"));
    Answer::of(many).await.problem(431, "headers-too-large");
    assert_nothing_was_written(&shop).await;
}

async fn put_text(shop: &Shop, path: &str, body: &[u8]) -> Answer {
    let request = shop.request(Method::PUT, path).body(body.to_vec());
    Answer::of(request.header("Content-Type", "application/json")).await
}

async fn assert_nothing_was_written(shop: &Shop) {
    assert!(shop.told().await.is_empty());
    assert!(shop.rows().await.is_empty());
}
