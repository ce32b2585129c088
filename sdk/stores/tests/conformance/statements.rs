//! Statements: their parameters, results and errors.

use chrono::{DateTime, Utc};
use orderly_sdk::consume::{Decision, Failure};
use orderly_stores::{Migration, StoreError, Value};
use rust_decimal::Decimal;

use crate::{Place, add_effect, effects, prepare_effects};

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

pub(crate) async fn many_ids_are_asked_for_in_parts(place: &Place) {
    let db = place.open();
    prepare_effects(&db).await;
    let mut tx = db.begin().await.unwrap();
    let ids: Vec<String> = (0..250).map(|number| format!("id {number}")).collect();
    for id in &ids {
        tx.execute("INSERT INTO effects (what) VALUES ($1)", &[id.as_str().into()]).await.unwrap();
    }
    tx.commit().await.unwrap();

    // The first isn't asked for, and the last one isn't there.
    let asked: Vec<&str> = ids.iter().skip(1).map(String::as_str).chain(["nowhere"]).collect();
    let sql = |ids: &str| format!("SELECT what FROM effects WHERE what IN ({ids})");
    let rows = db.query_among(&asked, sql).await.unwrap();

    let mut found: Vec<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();
    let mut expected = ids[1..].to_vec();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(db.query_among(&[], sql).await.unwrap().len(), 0);
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
    let sql = "INSERT INTO effects (id, what) SELECT r.id, r.what
               FROM {rows: id BIGINT, what TEXT} AS r {in_order} ON CONFLICT DO NOTHING";
    let rows = |ids: &[i32]| ids.iter().map(|&id| vec![id.into(), "x".into()]).collect();

    assert_eq!(tx.execute_many(sql, rows(&[1, 2, 3])).await.unwrap(), 3);
    assert_eq!(tx.execute_many(sql, rows(&[3, 4])).await.unwrap(), 1);
    assert_eq!(tx.execute_many(sql, vec![]).await.unwrap(), 0);
    assert_eq!(tx.execute("DELETE FROM effects WHERE id > $1", &[1.into()]).await.unwrap(), 3);
}

pub(crate) async fn a_batch_is_asked_for_its_rows(place: &Place) {
    let db = place.open();
    prepare_effects(&db).await;
    let mut tx = db.begin().await.unwrap();
    let insert = "INSERT INTO effects (id, what) SELECT r.id, r.what
                  FROM {rows: id BIGINT, what TEXT} AS r {in_order}";
    let rows = (1..=5).map(|id| vec![id.into(), format!("no. {id}").into()]);
    tx.execute_many(insert, rows.collect()).await.unwrap();

    let sql = "SELECT what FROM effects WHERE id = {any: BIGINT} ORDER BY id {for_update}";
    let ids = |ids: &[i32]| ids.iter().map(|&id| vec![id.into()]).collect();
    let found = tx.query_many(sql, ids(&[2, 4, 9])).await.unwrap();
    let found: Vec<String> = found.iter().map(|row| row.get(0).unwrap()).collect();
    assert_eq!(found, ["no. 2", "no. 4"]);
    assert!(tx.query_many(sql, vec![]).await.unwrap().is_empty());

    let error = tx.query_many("SELECT what FROM effects", ids(&[1])).await.unwrap_err();
    assert!(error.to_string().contains("{any: TYPE}"), "{error}");
}

pub(crate) async fn more_than_one_row_is_no_optional_row(place: &Place) {
    let db = place.open();

    assert!(db.query_opt("SELECT 1 WHERE 1 = 0", &[]).await.unwrap().is_none());
    assert!(db.query_opt("SELECT 1", &[]).await.unwrap().is_some());
    let error = db.query_opt("SELECT 1 UNION ALL SELECT 2", &[]).await.unwrap_err();
    assert!(error.to_string().contains("2 rows"), "{error}");
}

pub(crate) async fn a_batch_names_its_rows(place: &Place) {
    let db = place.open();
    prepare_effects(&db).await;

    for sql in [
        "INSERT INTO effects (what) VALUES ($1)",
        "INSERT INTO effects (what) SELECT r.what FROM {rows: what TEXT, id BIGINT} AS r",
    ] {
        let mut tx = db.begin().await.unwrap();
        let error = tx.execute_many(sql, vec![vec!["a".into()]]).await.unwrap_err();
        assert!(matches!(error, StoreError::Statement { .. }), "{error}");
    }

    assert!(effects(&db).await.is_empty());
}

pub(crate) async fn what_batches_hold_comes_back(place: &Place) {
    let db = place.open();
    let kinds = Migration {
        name: "kinds",
        sql: "CREATE TABLE kinds (id {id}, amount {decimal}, moment TIMESTAMPTZ, number BIGINT,
                                  flag BOOLEAN, label TEXT, bytes BYTEA)",
    };
    db.migrate("test", &[kinds]).await.unwrap();
    let amount: Decimal = "-1.10".parse().unwrap();
    let moment = DateTime::from_timestamp_millis(1_291_190_400_123).unwrap();
    let full: Vec<Value> = vec![
        amount.into(),
        moment.into(),
        i64::MIN.into(),
        true.into(),
        "it's, \"{quoted}\\".into(),
        vec![0, 255].into(),
    ];
    // More than go to a server in one statement.
    let mut rows = vec![full; 12_000];
    rows.push(vec![Value::Null; 6]);
    let mut tx = db.begin().await.unwrap();
    let insert = "
        INSERT INTO kinds (amount, moment, number, flag, label, bytes)
        SELECT r.amount, r.moment, r.number, r.flag, r.label, r.bytes
        FROM {rows: amount DECIMAL, moment TIMESTAMPTZ, number BIGINT, flag BOOLEAN, label TEXT,
              bytes BYTEA} AS r
        {in_order}";
    assert_eq!(tx.execute_many(insert, rows).await.unwrap(), 12_001);
    tx.commit().await.unwrap();

    let sql = "SELECT amount, moment, number, flag, label, bytes FROM kinds ORDER BY id";
    let rows = db.query(sql, &[]).await.unwrap();
    assert_eq!(rows.len(), 12_001);
    for row in &rows[..12_000] {
        assert_eq!(row.get::<Decimal>(0).unwrap().to_string(), "-1.10");
        assert_eq!(row.get::<DateTime<Utc>>(1).unwrap(), moment);
        assert_eq!((row.get::<i64>(2).unwrap(), row.get::<bool>(3).unwrap()), (i64::MIN, true));
        assert_eq!(row.get::<String>(4).unwrap(), "it's, \"{quoted}\\");
        assert_eq!(row.get::<Vec<u8>>(5).unwrap(), [0, 255]);
    }
    assert_eq!(rows[12_000].get::<Option<Decimal>>(0).unwrap(), None);
    assert_eq!(rows[12_000].get::<Option<Vec<u8>>>(5).unwrap(), None);
}

pub(crate) async fn totals_are_integers(place: &Place) {
    let db = place.open();
    prepare_effects(&db).await;
    let mut tx = db.begin().await.unwrap();
    for what in ["a", "b"] {
        add_effect(&mut tx, what).await;
    }
    tx.commit().await.unwrap();

    let sql = "SELECT count(*), sum(id), max(id) FROM effects WHERE id > $1";
    let row = db.query_opt(sql, &[0.into()]).await.unwrap().unwrap();

    let total = |column| row.get::<i64>(column).unwrap();
    assert_eq!((total(0), total(1), total(2)), (2, 3, 2));
    let of_none = db.query_opt(sql, &[9.into()]).await.unwrap().unwrap();
    assert_eq!(of_none.get::<Option<i64>>(1).unwrap(), None);
}

pub(crate) async fn a_row_is_read_to_be_changed(place: &Place) {
    let db = place.open();
    prepare_effects(&db).await;
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, "0").await;
    tx.commit().await.unwrap();

    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let db = db.clone();
        tasks.spawn(async move {
            let mut tx = db.begin().await.unwrap();
            let read = "SELECT what FROM effects {for_update}";
            let row = tx.query_opt(read, &[]).await.unwrap().unwrap();
            let number: i64 = row.get::<String>(0).unwrap().parse().unwrap();
            let change = "UPDATE effects SET what = $1";
            tx.execute(change, &[(number + 1).to_string().into()]).await.unwrap();
            tx.commit().await.unwrap();
        });
    }
    tasks.join_all().await;

    assert_eq!(effects(&db).await, ["20"]);
}
