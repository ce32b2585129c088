//! A transaction is whole or not there.

use std::pin::pin;

use orderly_stores::StoreError;

use crate::{Place, add_effect, at_once, effects, prepare_effects};

pub(crate) async fn a_dropped_transaction_leaves_nothing(place: &Place) {
    let db = place.open();
    prepare_effects(&db).await;

    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "dropped").await;
    drop(tx);
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "committed").await;
    tx.commit().await.unwrap();

    assert_eq!(effects(&db).await, ["committed"]);
}

pub(crate) async fn what_is_not_committed_is_not_read_outside(place: &Place) {
    let db = place.open();
    prepare_effects(&db).await;
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "a").await;

    assert!(effects(&db).await.is_empty());
    assert_eq!(tx.query("SELECT id FROM effects", &[]).await.unwrap().len(), 1);

    tx.commit().await.unwrap();
    assert_eq!(effects(&db).await, ["a"]);
    assert_eq!(effects(&place.open()).await, ["a"]);
}

pub(crate) async fn a_transaction_that_failed_cannot_be_committed(place: &Place) {
    let db = place.open();
    prepare_effects(&db).await;
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "a").await;

    tx.execute("INSERT INTO effects (what) VALUES (NULL)", &[]).await.unwrap_err();

    let error = tx.execute("INSERT INTO effects (what) VALUES ('b')", &[]).await.unwrap_err();
    assert!(matches!(error, StoreError::Over { .. }), "{error}");
    assert!(matches!(tx.commit().await, Err(StoreError::Over { .. })));
    assert!(effects(&db).await.is_empty());
}

pub(crate) async fn a_transaction_with_a_cancelled_call_cannot_be_committed(place: &Place) {
    let db = place.open();
    prepare_effects(&db).await;
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "a").await;
    {
        // Long enough not to be done at the first poll.
        let slow =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000)
                    SELECT count(*) FROM n";
        let mut call = pin!(tx.query(slow, &[]));
        assert!(at_once(call.as_mut()).await.is_none());
    }

    let error = tx.commit().await.unwrap_err();

    assert!(error.to_string().contains("cancelled"), "{error}");
    db.begin().await.unwrap();
    assert!(effects(&db).await.is_empty());
}

pub(crate) async fn concurrent_transactions_lose_no_update(place: &Place) {
    let members = [place.open(), place.open()];
    prepare_effects(&members[0]).await;
    let mut tx = members[0].begin().await.unwrap();
    tx.execute("INSERT INTO effects (id, what) VALUES (0, '0')", &[]).await.unwrap();
    tx.commit().await.unwrap();

    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let db = members[number % 2].clone();
        tasks.spawn(async move {
            let mut tx = db.begin().await.unwrap();
            let add = "UPDATE effects SET what = CAST(CAST(what AS BIGINT) + 1 AS TEXT)";
            assert_eq!(tx.execute(add, &[]).await.unwrap(), 1);
            tx.commit().await.unwrap();
        });
    }
    tasks.join_all().await;

    assert_eq!(effects(&members[1]).await, ["40"]);
}

pub(crate) async fn a_statement_that_ends_the_transaction_is_an_error(place: &Place) {
    let db = place.open();
    prepare_effects(&db).await;
    for statement in ["COMMIT", "rollback", "END"] {
        let mut tx = db.begin().await.unwrap();
        add_effect(&mut tx, "undone").await;

        let error = tx.execute(statement, &[]).await.unwrap_err();

        assert!(error.to_string().contains("use commit"), "{error}");
    }
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "next").await;
    tx.commit().await.unwrap();
    assert!(effects(&db).await.contains(&"next".to_owned()));
}
