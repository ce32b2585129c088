//! Whose each order is, from `orders`.

use crate::parts::{Club, until};

on_both! {
    orders_of_users_are_known_once_and_others_not_at_all,
    orders_of_many_users_come_in_by_several_members,
}

fn pair(order_id: &str, user_id: &str) -> (String, String) {
    (order_id.into(), user_id.into())
}

async fn orders_of_users_are_known_once_and_others_not_at_all(club: Club) {
    club.place("o-1", Some("ada")).await;
    club.place("guest", None).await;
    club.place("o-2", Some("bob")).await;
    club.place("o-1", Some("eve")).await;
    // What no user of ours can be called is passed over.
    club.place("o-3", Some("a b")).await;
    club.place("o-4", Some("a\0b")).await;
    club.place("o\0", Some("ada")).await;
    club.place("o-5", Some("ada")).await;
    club.until_known(3).await;
    let known = [pair("o-1", "ada"), pair("o-2", "bob"), pair("o-5", "ada")];
    until("all are read", async || {
        let sql = "SELECT sum(next_offset) FROM positions";
        let row = club.database().query_opt(sql, &[]).await.unwrap().unwrap();
        row.get::<Option<i64>>(0).unwrap() == Some(8)
    })
    .await;
    assert_eq!(club.known().await, known);
    assert!(club.told().await.is_empty());
}

async fn orders_of_many_users_come_in_by_several_members(mut club: Club) {
    club.stop().await;
    let mut settings = club.settings();
    settings.members = 2;
    settings.limits.batch_records = 7;
    club.start(settings).await;
    for n in 0..60 {
        club.place(&format!("o-{n}"), Some(&format!("user-{}", n % 5))).await;
    }
    club.until_known(60).await;
}
