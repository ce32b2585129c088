//! Deletions beside orders and changes: whatever comes first, nothing is left over.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use crate::parts::{Answer, Club, ada, until, with};

on_both! {
    no_order_slips_through_a_deletion,
    of_two_who_change_what_they_saw_one_is_refused,
    changes_and_deletions_at_once_end_as_they_are_told,
}

async fn no_order_slips_through_a_deletion(club: Club) {
    for round in 0..5 {
        let user = format!("user-{round}");
        let placing = async {
            for n in 0..20 {
                club.place(&format!("o-{round}-{n}"), Some(&user)).await;
            }
        };
        let deleting = async {
            until("some order is known", async || !club.known().await.is_empty()).await;
            assert_eq!(club.delete(&format!("/users/{user}")).await.status, 204);
        };
        tokio::join!(placing, deleting);
        // One of the user's, and each contact once: of the deletion, or of the order behind it.
        club.until_told((round + 1) * 21).await;
        assert!(club.known().await.is_empty());
    }
    let told: BTreeSet<_> = club.told().await.into_iter().collect();
    assert_eq!(told.len(), 105);
}

async fn of_two_who_change_what_they_saw_one_is_refused(club: Club) {
    let seen = club.put("/users/ada", &ada()).await;
    let mut asking = JoinSet::new();
    for n in 0..6 {
        let request = club.request(Method::PUT, "/users/ada").header("If-Match", seen.etag());
        asking.spawn(Answer::of(request.json(&with(&json!({ "name": format!("Ada {n}") })))));
    }
    let mut statuses: Vec<u16> = asking.join_all().await.iter().map(|a| a.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412]);
    assert_eq!(club.told().await.len(), 2);
}

async fn changes_and_deletions_at_once_end_as_they_are_told(club: Club) {
    let mut asking = JoinSet::new();
    for n in 0..20 {
        let request = match n % 3 {
            0 => club.request(Method::DELETE, "/users/ada"),
            _ => club
                .request(Method::PUT, "/users/ada")
                .json(&with(&json!({ "name": n.to_string() }))),
        };
        asking.spawn(Answer::of(request));
    }
    for answer in asking.join_all().await {
        assert!(matches!(answer.status, 200 | 201 | 204), "{answer:?}");
    }
    let told = club.told().await;
    let is_there = club.get("/users/ada").await.status == 200;
    assert_eq!(told.last().unwrap().2.is_some(), is_there);
    let sql = "SELECT 1 FROM users_ids WHERE deleted_at IS NOT NULL AND taken_again_at IS NULL";
    let is_deleted = !club.database().query(sql, &[]).await.unwrap().is_empty();
    assert_eq!(is_deleted, !is_there);
}
