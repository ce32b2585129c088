//! What a disk can do to SQLite is the database's fault and no record's.

use std::fs;

use orderly_sdk::consume::{Decision, Failure};
use orderly_stores::{Database, StoreError};

use crate::{add_effect, effects, on_sqlite::here, prepare_effects};

#[test]
fn what_cannot_be_opened_is_unavailable_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let garbage = dir.path().join("garbage.db");
    fs::write(&garbage, [7; 8192]).unwrap();

    for path in [dir.path().to_owned(), dir.path().join("missing/test.db"), garbage] {
        let error = Database::open(&format!("sqlite:{}", path.display())).err().unwrap();
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        assert_unavailable(error);
    }
}

#[tokio::test]
async fn a_full_disk_is_unavailable_until_there_is_room() {
    let place = here();
    let db = place.open();
    prepare_effects(&db).await;
    limit_pages(&db, 1).await;

    let mut tx = db.begin().await.unwrap();
    let insert = "INSERT INTO effects (what) VALUES ($1)";
    let error = tx.execute(insert, &["x".repeat(100_000).into()]).await.unwrap_err();
    assert_unavailable(error);
    // Also where the handler didn't look at the error.
    assert_unavailable(tx.commit().await.unwrap_err());

    limit_pages(&db, 1_000_000).await;
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "there is room").await;
    tx.commit().await.unwrap();
    assert_eq!(effects(&db).await, ["there is room"]);
}

#[tokio::test]
async fn a_database_that_became_read_only_is_unavailable() {
    let place = here();
    let db = place.open();
    prepare_effects(&db).await;
    let mut tx = db.begin().await.unwrap();
    tx.query("PRAGMA query_only = ON", &[]).await.unwrap();

    let insert = "INSERT INTO effects (what) VALUES ('a')";
    assert_unavailable(tx.execute(insert, &[]).await.unwrap_err());
}

/// A file can't grow beyond as many pages, or beyond those it has: as on a full disk.
async fn limit_pages(db: &Database, pages: u32) {
    let mut tx = db.begin().await.unwrap();
    tx.query(&format!("PRAGMA max_page_count = {pages}"), &[]).await.unwrap();
    tx.commit().await.unwrap();
}

fn assert_unavailable(error: StoreError) {
    let message = error.to_string();
    let failure = Failure::from(error);
    assert_eq!(failure.decision(), &Decision::Unavailable("database"), "{message}");
}
