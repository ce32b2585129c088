//! A user who is deleted. The embedded broker compacts nothing, so of the topics with personal data
//! only what stands last under each key counts.

use std::collections::BTreeMap;

use orderly_tests::{
    deletion::{Customers, EMAIL, PHONE},
    eventually,
    leftovers::{holds, records},
    platform, topics,
};

#[tokio::test(flavor = "multi_thread")]
async fn of_a_deleted_user_nothing_personal_is_left() {
    let platform = platform().await;
    let customers = Customers::of(&platform).await;
    let mut orders = customers.order().await;
    orders.push(customers.delete().await);

    eventually("what stands last under each of Ada's keys is a tombstone", || async {
        let mut last = BTreeMap::new();
        for record in records(&platform.config, &["users", "contacts"]).await {
            let key = String::from_utf8(record.key().unwrap().to_vec()).unwrap();
            last.insert(key, record.payload().is_none());
        }
        orders
            .iter()
            .map(|id| &**id)
            .chain(["ada"])
            .all(|key| last.get(key) == Some(&true))
            .then_some(())
    })
    .await;
    customers.until_gone_here(&orders).await;
    let topics = topics();
    let others: Vec<&str> =
        topics.iter().filter(|topic| !topic.personal).map(|topic| &*topic.name).collect();
    assert!(others.contains(&"orders") && others.contains(&"notifications.dead-letters"));
    for record in records(&platform.config, &others).await {
        assert!(!holds(&record, EMAIL) && !holds(&record, PHONE), "{}", record.at());
    }
    platform.stop().await.unwrap();
}
