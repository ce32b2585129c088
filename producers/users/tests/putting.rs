//! What a PUT makes of a profile, and what it tells.

use orderly_schemas::{Channel, UserChanged};
use reqwest::Method;
use serde_json::json;

use crate::parts::{Answer, Club, EMAIL, NAME, PHONE, ada, decode, with};

on_both! {
    a_new_user_is_kept_shown_and_told,
    what_changes_nothing_is_told_to_nobody,
    only_the_version_that_was_seen_is_changed,
    a_restart_keeps_profiles_and_what_is_yet_to_be_told,
}

async fn a_new_user_is_kept_shown_and_told(club: Club) {
    let put = club.put("/users/ada", &ada()).await;
    let mut whole = ada();
    whole["user_id"] = json!("ada");
    assert_eq!(put.json(201), whole);
    assert_eq!(put.header("location"), Some("/users/ada"));
    let shown = club.get("/users/ada").await;
    assert_eq!((shown.json(200), shown.etag()), (whole, put.etag()));
    assert_eq!(shown.header("cache-control"), Some("no-store"));

    let records = club.records().await;
    let [record] = &records[..] else { panic!("{}", records.len()) };
    assert_eq!((&*record.topic, record.key.as_deref()), ("users", Some(&b"ada"[..])));
    let told: UserChanged = decode(record.payload.as_ref().unwrap());
    let expected = UserChanged {
        user_id: "ada".into(),
        name: Some(NAME.into()),
        email: Some(EMAIL.into()),
        phone: Some(PHONE.into()),
        customer_group: Some("staff".into()),
        notify_by: vec![Channel::Email, Channel::Sms],
    };
    assert_eq!(told, expected);
}

async fn what_changes_nothing_is_told_to_nobody(club: Club) {
    let first = club.put("/users/ada", &ada()).await;
    for same in [ada(), with(&json!({ "notify_by": ["SMS", "EMAIL"], "user_id": "ada" }))] {
        let again = club.put("/users/ada", &same).await;
        assert_eq!((again.status, again.etag()), (200, first.etag()));
    }
    // All of it may be unknown.
    let bare = club.put("/users/ada", &json!({})).await;
    assert_eq!(bare.json(200), json!({ "user_id": "ada", "notify_by": [] }));
    assert_ne!(bare.etag(), first.etag());
    assert_eq!(club.told().await.len(), 2);
}

async fn only_the_version_that_was_seen_is_changed(club: Club) {
    let put = async |header: &str, tag: &str, name: &str| {
        let request = club.request(Method::PUT, "/users/ada").header(header, tag);
        Answer::of(request.json(&with(&json!({ "name": name })))).await
    };
    let first = put("If-None-Match", "*", "A").await;
    assert_eq!(first.status, 201);
    put("If-None-Match", "*", "B").await.problem(412, "precondition-failed");
    assert_eq!(put("If-Match", first.etag(), "C").await.status, 200);
    put("If-Match", first.etag(), "D").await.problem(412, "precondition-failed");
    let delete = club.request(Method::DELETE, "/users/ada").header("If-Match", first.etag());
    Answer::of(delete).await.problem(412, "precondition-failed");
    assert_eq!(club.told().await.len(), 2);
}

async fn a_restart_keeps_profiles_and_what_is_yet_to_be_told(mut club: Club) {
    let put = club.put("/users/ada", &ada()).await;
    club.place("o-1", Some("ada")).await;
    club.until_known(1).await;
    club.stop().await;
    club.start(club.settings()).await;
    assert_eq!(club.get("/users/ada").await.etag(), put.etag());
    club.place("o-2", Some("ada")).await;
    club.until_known(2).await;
    assert_eq!(club.told().await.len(), 1);
}
