//! Hostile and mistaken requests: each is refused with a problem, and nothing is written.

use reqwest::Method;
use serde_json::{Value, json};

use crate::parts::{Answer, Club, ada, with};

async fn club() -> Club {
    Club::open_with(|settings| settings.members = 0).await
}

/// A profile that is wrong, and the field that the problem names.
fn bad_profiles() -> Vec<(Value, &'static str)> {
    let mut bad = vec![
        (json!([]), "(body)"),
        (json!(null), "(body)"),
        (json!(1), "(body)"),
        (json!("ada"), "(body)"),
        (json!({ "notify_by": ["EMAIL"] }), "notify_by"),
        (json!({ "notify_by": ["SMS"], "email": "a@b.co" }), "notify_by"),
    ];
    let fields = [
        (
            "name",
            vec![
                json!(""),
                json!(1),
                json!([]),
                json!("a\u{0}b"),
                json!("a\nb"),
                json!("\u{1b}[31m"),
                json!("é".repeat(201)),
            ],
        ),
        (
            "email",
            vec![
                json!(""),
                json!("a"),
                json!("a@b"),
                json!("a@b.co\n"),
                json!("a b@c.co"),
                json!("a@b.co,c@d.co"),
                json!("<a@b.co>"),
                json!("a@b.co\r\nBcc: x@y.zz"),
                json!(7),
                json!(format!("{}@b.co", "a".repeat(65))),
                json!(format!("a@{}.co", "b".repeat(260))),
            ],
        ),
        (
            "phone",
            vec![
                json!(""),
                json!("442079460000"),
                json!("+044207946000"),
                json!("+44 2079460000"),
                json!("+1234567890123456"),
                json!("+44-2079460000"),
                json!("tel:+442079460000"),
                json!("+44207946000a"),
                json!("+４４２０７９４６００"),
                json!(442_079_460_000_i64),
            ],
        ),
        (
            "customer_group",
            vec![
                json!(""),
                json!("a b"),
                json!("é"),
                json!(".."),
                json!("x".repeat(65)),
                json!(true),
            ],
        ),
        (
            "notify_by",
            vec![
                json!("EMAIL"),
                json!({}),
                json!(["email"]),
                json!(["EMAIL", "EMAIL"]),
                json!(["FAX"]),
                json!(["UNKNOWN"]),
                json!([1]),
                json!([null]),
                json!(vec!["SMS"; 1_000]),
            ],
        ),
        ("user_id", vec![json!("bob"), json!(1), json!("")]),
    ];
    for (name, values) in fields {
        bad.extend(values.into_iter().map(|value| (with(&json!({ name: value })), name)));
    }
    for name in ["role", "version", "deleted_at", "__proto__", "Email"] {
        bad.push((with(&json!({ name: "x" })), name));
    }
    bad
}

#[tokio::test]
async fn a_profile_that_is_wrong_is_refused_naming_the_field() {
    let club = club().await;
    for (body, field) in bad_profiles() {
        let problem = club.put("/users/ada", &body).await.problem(422, "invalid-profile");
        assert!(problem.errors.iter().any(|error| error.field == field), "{field}: {problem:?}");
    }
    assert_nothing_was_written(&club).await;
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let club = club().await;
    let deep = "[".repeat(10_000);
    let bodies: [&[u8]; 12] = [
        b"",
        b"{",
        b"{}{}",
        b"nul",
        b"{'a':1}",
        b"{\"a\":1,}",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\0}\0",
        b"{\"name\":\"\xff\"}",
        b"\"\\ud800\"",
        b"{\"name\":NaN}",
        deep.as_bytes(),
    ];
    for body in bodies {
        put_text(&club, body).await.problem(400, "malformed-json");
    }
    let twice = put_text(&club, br#"{"name":"a","name":"b"}"#).await;
    twice.problem(422, "invalid-profile");
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(16 * 1024));
    put_text(&club, large.as_bytes()).await.problem(413, "body-too-large");
    for media_type in ["text/plain", "application/jsonx", "json"] {
        let put = club.request(Method::PUT, "/users/ada").body(ada().to_string());
        let answer = Answer::of(put.header("Content-Type", media_type)).await;
        answer.problem(415, "unsupported-media-type");
    }
    let put = club.request(Method::PUT, "/users/ada").header("Content-Encoding", "gzip");
    Answer::of(put.json(&ada())).await.problem(415, "unsupported-media-type");
    assert_nothing_was_written(&club).await;
}

#[tokio::test]
async fn paths_and_headers_that_mean_nothing_are_refused() {
    let club = club().await;
    let long = "a".repeat(65);
    for id in ["%00", "a%20b", "%F0%9F%8D%95", "a%2Fb", "%ff", "a@b.co", "caf%C3%A9", &long] {
        let path = format!("/users/{id}");
        club.put(&path, &ada()).await.problem(422, "invalid-profile");
        club.get(&path).await.problem(404, "user-not-found");
        club.delete(&path).await.problem(404, "user-not-found");
    }
    for path in ["/", "/users", "/users/", "/users/ada/orders", "/user/ada"] {
        club.get(path).await.problem(404, "no-such-route");
    }
    for method in [Method::POST, Method::PATCH] {
        let answer = Answer::of(club.request(method, "/users/ada")).await;
        answer.problem(405, "method-not-allowed");
    }
    for tag in ["a", "\"a", "*, \"a\"", "\"a\" \"b\""] {
        for method in [Method::PUT, Method::DELETE] {
            let request = club.request(method, "/users/ada").header("If-Match", tag).json(&ada());
            Answer::of(request).await.problem(400, "invalid-request");
        }
    }
    assert_nothing_was_written(&club).await;
}

async fn put_text(club: &Club, body: &[u8]) -> Answer {
    let request = club.request(Method::PUT, "/users/ada").body(body.to_vec());
    Answer::of(request.header("Content-Type", "application/json")).await
}

async fn assert_nothing_was_written(club: &Club) {
    assert!(club.told().await.is_empty());
    for table in ["users_profiles", "users_orders", "users_ids"] {
        let rows = club.database().query(&format!("SELECT 1 FROM {table}"), &[]).await.unwrap();
        assert!(rows.is_empty(), "{table}");
    }
}
