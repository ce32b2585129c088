//! What is somebody's is in answers about them, and nowhere else.

use reqwest::Method;
use serde_json::json;
use users::{ProfileRequest, ProfileView};

use crate::parts::{Answer, Club, EMAIL, NAME, PHONE, ada};

const SECRETS: [&str; 3] = [NAME, EMAIL, PHONE];

#[tokio::test]
async fn a_refusal_says_nothing_of_what_was_in_the_body() {
    let club = Club::open_with(|settings| settings.members = 0).await;
    let both = format!("{EMAIL},{PHONE}{NAME}");
    for body in [
        json!({ "email": both }),
        json!({ "phone": both }),
        json!({ "name": format!("{both}\n") }),
        json!({ "customer_group": both }),
        json!({ "notify_by": [both] }),
        json!({ "notify_by": both }),
        json!({ "user_id": both }),
        json!({ "email": [both] }),
    ] {
        let answer = club.put("/users/ada", &body).await;
        answer.problem(422, "invalid-profile");
        for secret in SECRETS {
            assert!(!answer.body.contains(secret), "{}", answer.body);
        }
    }
    for text in [format!("{{\"email\":\"{EMAIL}\","), EMAIL.to_owned(), format!("{{}}{PHONE}")] {
        let request = club.request(Method::PUT, "/users/ada").body(text);
        let answer = Answer::of(request.header("Content-Type", "application/json")).await;
        answer.problem(400, "malformed-json");
        for secret in SECRETS {
            assert!(!answer.body.contains(secret), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn after_a_deletion_no_table_holds_anything_of_it_once_the_outbox_is_sent() {
    let club = Club::open().await;
    club.put("/users/ada", &ada()).await;
    club.place("o-1", Some("ada")).await;
    club.until_known(1).await;
    club.delete("/users/ada").await;
    let database = club.database();
    let mut tx = database.begin().await.unwrap();
    // As a relay does.
    tx.execute("DELETE FROM outbox", &[]).await.unwrap();
    tx.commit().await.unwrap();
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table'";
    let tables = database.query(sql, &[]).await.unwrap();
    assert!(tables.len() > 5, "{}", tables.len());
    for table in tables {
        let table: String = table.get(0).unwrap();
        let rows = database.query(&format!("SELECT * FROM {table}"), &[]).await.unwrap();
        let rows = format!("{rows:?}");
        for secret in SECRETS {
            assert!(!rows.contains(secret), "{table}: {rows}");
        }
        assert!(!rows.contains("\"ada\""), "{table}: {rows}");
    }
}

#[test]
fn debug_shows_nothing() {
    let request = ProfileRequest {
        user_id: None,
        name: Some(NAME.into()),
        email: Some(EMAIL.into()),
        phone: Some(PHONE.into()),
        customer_group: None,
        notify_by: Vec::new(),
    };
    let view = ProfileView {
        user_id: "ada".into(),
        name: Some(NAME.into()),
        email: Some(EMAIL.into()),
        phone: Some(PHONE.into()),
        customer_group: None,
        notify_by: Vec::new(),
    };
    let shown = format!("{request:?}{view:?}");
    assert!(SECRETS.iter().all(|secret| !shown.contains(secret)), "{shown}");
}
