//! What a deletion takes along, also of orders that come in after it.

use chrono::{TimeDelta, Utc};
use serde_json::json;

use crate::parts::{Club, EMAIL, ada, gone};

on_both! {
    a_deleted_users_profile_and_contacts_are_told_to_be_gone,
    an_order_that_comes_after_the_deletion_loses_its_contact_at_once,
    a_user_without_a_profile_is_deleted_too_and_twice_is_once,
    somebody_new_under_a_deleted_id_keeps_their_own_orders,
    orders_by_the_thousand_are_let_go_in_one_deletion,
    a_contact_whose_order_never_came_is_told_to_be_gone,
    what_a_deletion_left_undone_is_done_by_whoever_runs,
}

async fn a_deleted_users_profile_and_contacts_are_told_to_be_gone(club: Club) {
    club.put("/users/ada", &ada()).await;
    club.put("/users/bob", &json!({ "email": "bob@example.org" })).await;
    for (order, user) in [("o-1", "ada"), ("o-2", "bob"), ("o-3", "ada")] {
        club.place(order, Some(user)).await;
    }
    club.until_known(3).await;

    assert_eq!(club.delete("/users/ada").await.status, 204);
    club.get("/users/ada").await.problem(404, "user-not-found");
    assert_eq!(club.get("/users/bob").await.status, 200);
    assert_eq!(club.known().await, [("o-2".to_owned(), "bob".to_owned())]);
    assert_eq!(
        club.told().await,
        [
            ("users".into(), "ada".into(), Some(EMAIL.into())),
            ("users".into(), "bob".into(), Some("bob@example.org".into())),
            gone("users", "ada"),
            gone("contacts", "o-1"),
            gone("contacts", "o-3"),
        ]
    );
}

async fn an_order_that_comes_after_the_deletion_loses_its_contact_at_once(club: Club) {
    club.put("/users/ada", &ada()).await;
    assert_eq!(club.delete("/users/ada").await.status, 204);
    club.place("o-1", Some("ada")).await;
    club.place("o-2", Some("bob")).await;
    club.place("o-3", Some("ada")).await;
    club.until_told(4).await;
    club.until_known(1).await;
    let mut told = club.told().await.split_off(2);
    told.sort();
    assert_eq!(told, [gone("contacts", "o-1"), gone("contacts", "o-3")]);
    assert_eq!(club.known().await, [("o-2".to_owned(), "bob".to_owned())]);
}

async fn a_user_without_a_profile_is_deleted_too_and_twice_is_once(club: Club) {
    club.place("o-1", Some("ada")).await;
    club.until_known(1).await;
    assert_eq!(club.delete("/users/ada").await.status, 204);
    assert_eq!(club.delete("/users/ada").await.status, 204);
    let told = [gone("users", "ada"), gone("contacts", "o-1"), gone("users", "ada")];
    assert_eq!(club.told().await, told);
}

async fn somebody_new_under_a_deleted_id_keeps_their_own_orders(club: Club) {
    let before = Utc::now() - TimeDelta::seconds(60);
    club.delete("/users/ada").await;
    assert_eq!(club.put("/users/ada", &ada()).await.status, 201);
    let after = Utc::now() + TimeDelta::seconds(1);
    club.place_at("of-the-old-one", Some("ada"), before).await;
    club.place_at("of-the-new-one", Some("ada"), after).await;
    club.until_told(3).await;
    club.until_known(1).await;
    assert_eq!(club.known().await, [("of-the-new-one".to_owned(), "ada".to_owned())]);
    assert_eq!(club.told().await[2], gone("contacts", "of-the-old-one"));

    // Changed, it is the same one; deleted again, everything up to then is.
    club.put("/users/ada", &json!({})).await;
    assert_eq!(club.delete("/users/ada").await.status, 204);
    club.place_at("late", Some("ada"), after).await;
    club.until_told(7).await;
    let told = [gone("users", "ada"), gone("contacts", "of-the-new-one"), gone("contacts", "late")];
    assert_eq!(club.told().await[4..], told);
    assert!(club.known().await.is_empty());
}

async fn orders_by_the_thousand_are_let_go_in_one_deletion(club: Club) {
    let mut tx = club.database().begin().await.unwrap();
    let rows = (0..2_500).map(|n| vec![format!("o-{n:04}").into(), "ada".into()]).collect();
    let sql = "INSERT INTO users_orders (order_id, user_id)
               SELECT r.order_id, r.user_id FROM {rows: order_id TEXT, user_id TEXT} AS r {in_order}";
    tx.execute_many(sql, rows).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(club.delete("/users/ada").await.status, 204);
    club.until_told(2_501).await;
    let told = club.told().await;
    assert_eq!(told[1], gone("contacts", "o-0000"));
    assert_eq!(told[2_500], gone("contacts", "o-2499"));
    assert!(club.known().await.is_empty());
}

async fn a_contact_whose_order_never_came_is_told_to_be_gone(club: Club) {
    club.give_contact("o-1", "ada").await;
    club.until_known(1).await;
    assert_eq!(club.delete("/users/ada").await.status, 204);
    club.give_contact("o-2", "ada").await;
    club.until_told(3).await;
    let told = [gone("users", "ada"), gone("contacts", "o-1"), gone("contacts", "o-2")];
    assert_eq!(club.told().await, told);
    assert!(club.known().await.is_empty());
}

async fn what_a_deletion_left_undone_is_done_by_whoever_runs(club: Club) {
    let mut tx = club.database().begin().await.unwrap();
    let undone = "INSERT INTO users_erasing (order_id) VALUES ('o-1'), ('o-2')";
    tx.execute(undone, &[]).await.unwrap();
    tx.commit().await.unwrap();
    club.until_told(2).await;
    assert_eq!(club.told().await, [gone("contacts", "o-1"), gone("contacts", "o-2")]);
}
