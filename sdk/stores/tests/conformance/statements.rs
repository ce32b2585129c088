//! Statements: their parameters, results and errors.

use orderly_sdk::consume::{Decision, Failure};
use orderly_stores::StoreError;

use crate::{Place, effects, prepare_effects};

pub(crate) async fn parameters_are_bound_by_number(place: &Place) {
    let db = place.open();
    prepare_effects(&db).await;
    let mut tx = db.begin().await.unwrap();

    let row = tx
        .query_opt(
            "INSERT INTO effects (id, what) VALUES ($2, $1) RETURNING id, what",
            &["seven".into(), 7.into()],
        )
        .await
        .unwrap()
        .unwrap();

    assert_eq!((row.get(0).unwrap(), row.get(1).unwrap()), (7_i64, "seven".to_owned()));
    let repeated = "SELECT id FROM effects WHERE what = $1 AND id >= $2 AND id <= $2";
    assert!(tx.query_opt(repeated, &["seven".into(), 7.into()]).await.unwrap().is_some());
}

pub(crate) async fn a_wrong_statement_is_not_the_databases_fault(place: &Place) {
    let db = place.open();
    prepare_effects(&db).await;

    for (sql, values) in [
        ("SELECT nothing FROM nowhere", vec![]),
        ("SELEC 1", vec![]),
        ("INSERT INTO effects (what) VALUES ($1)", vec![]),
        ("INSERT INTO effects (what) VALUES ($1)", vec!["a".into(), "b".into()]),
        ("INSERT INTO effects (what) VALUES ($1)", vec![None::<String>.into()]),
        ("SELECT 1; SELECT 2", vec![]),
    ] {
        let error = db.begin().await.unwrap().query(sql, &values).await.unwrap_err();
        match &error {
            StoreError::Statement { sql: named, .. } => assert_eq!(named, sql),
            StoreError::Constraint { message, .. } => {
                assert!(message.contains("what"), "{message}");
            }
            _ => panic!("{sql}: {error}"),
        }
        assert_eq!(Failure::from(error).decision(), &Decision::Retry);
    }
}

pub(crate) async fn a_result_beyond_the_bound_is_an_error(place: &Place) {
    let db = place.open();
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000001)
               SELECT i FROM n";

    let error = db.query(sql, &[]).await.unwrap_err();

    assert!(matches!(error, StoreError::TooMuch { .. }), "{error}");
    assert!(error.to_string().contains("1000000 rows"), "{error}");
}

pub(crate) async fn a_read_outside_of_a_transaction_writes_nothing(place: &Place) {
    let db = place.open();
    prepare_effects(&db).await;

    for sql in
        ["INSERT INTO effects (what) VALUES ('a') RETURNING id", "DROP TABLE effects", "BEGIN"]
    {
        assert!(db.query(sql, &[]).await.is_err(), "{sql}");
    }

    assert!(effects(&db).await.is_empty());
}

pub(crate) async fn a_batch_says_how_many_rows_it_changed(place: &Place) {
    let db = place.open();
    prepare_effects(&db).await;
    let mut tx = db.begin().await.unwrap();
    let sql = "INSERT INTO effects (id, what) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let rows = |ids: &[i32]| ids.iter().map(|&id| vec![id.into(), "x".into()]).collect();

    assert_eq!(tx.execute_many(sql, rows(&[1, 2, 3])).await.unwrap(), 3);
    assert_eq!(tx.execute_many(sql, rows(&[3, 4])).await.unwrap(), 1);
    assert_eq!(tx.execute_many(sql, vec![]).await.unwrap(), 0);
    assert_eq!(tx.execute("DELETE FROM effects WHERE id > $1", &[1.into()]).await.unwrap(), 3);
}

pub(crate) async fn more_than_one_row_is_no_optional_row(place: &Place) {
    let db = place.open();

    assert!(db.query_opt("SELECT 1 WHERE 1 = 0", &[]).await.unwrap().is_none());
    assert!(db.query_opt("SELECT 1", &[]).await.unwrap().is_some());
    let error = db.query_opt("SELECT 1 UNION ALL SELECT 2", &[]).await.unwrap_err();
    assert!(error.to_string().contains("2 rows"), "{error}");
}
