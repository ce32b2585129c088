//! A database that is away.

use crate::parts::{Club, ada, with};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_locked_is_told_of_and_waited_for_by_the_group() {
    let club = Club::open().await;
    club.put("/users/ada", &ada()).await;
    let lock = club.database().begin().await.unwrap();
    club.place("o-1", Some("ada")).await;
    let changed = with(&json!({ "name": "B" }));
    let (put, deleted) = tokio::join!(club.put("/users/ada", &changed), club.delete("/users/ada"));
    for answer in [put, deleted] {
        let problem = answer.problem(503, "database-away");
        assert!(problem.detail.contains("Nothing was changed"), "{problem:?}");
    }
    assert_eq!(club.get("/users/ada").await.status, 200);
    drop(lock);
    club.until_known(1).await;
    assert_eq!(club.told().await.len(), 1);
}
