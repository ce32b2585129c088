//! What goes in comes out, exactly.

use chrono::{DateTime, TimeDelta, Utc};
use orderly_sdk::EventId;
use orderly_stores::{Database, Migration, Row, StoreError, Value};
use rust_decimal::Decimal;

use crate::Place;

pub(crate) async fn decimals_come_back_digit_for_digit(place: &Place) {
    let db = prepared(place).await;
    let texts = [
        "0",
        "1.10",
        "-0.01",
        "823746.14",
        "9007199254740993.01",
        "79228162514264337593543950335",
        "-0.0000000000000000000000000001",
        "0.00",
    ];
    for text in texts {
        let exact: Decimal = text.parse().unwrap();
        assert_eq!(
            through(&db, "amount", exact).await.get::<Decimal>(0).unwrap().to_string(),
            text
        );
    }
}

pub(crate) async fn decimals_are_summed_exactly(place: &Place) {
    let db = prepared(place).await;
    let mut tx = db.begin().await.unwrap();
    let cent = Decimal::new(1, 2);
    let rows = vec![vec![cent.into()]; 1000];
    let insert = "INSERT INTO kinds (amount) SELECT r.amount FROM {rows: amount DECIMAL} AS r";
    tx.execute_many(insert, rows).await.unwrap();
    tx.execute("INSERT INTO kinds (amount) VALUES ($1)", &[Value::Null]).await.unwrap();
    tx.commit().await.unwrap();

    let sum = db.query("SELECT decimal_sum(amount) FROM kinds", &[]).await.unwrap();

    assert_eq!(sum[0].get::<Decimal>(0).unwrap().to_string(), "10.00");
    let of_none = db.query("SELECT decimal_sum(amount) FROM kinds WHERE 1 = 0", &[]).await.unwrap();
    assert_eq!(of_none[0].get::<Option<Decimal>>(0).unwrap(), None);
}

pub(crate) async fn times_come_back_to_the_millisecond(place: &Place) {
    let db = prepared(place).await;
    for millis in [0, 1, -1, 1_291_190_400_000, -62_135_596_800_000, 253_402_300_799_999] {
        let time = DateTime::from_timestamp_millis(millis).unwrap();
        assert_eq!(through(&db, "moment", time).await.get::<DateTime<Utc>>(0).unwrap(), time);

        let finer = time + TimeDelta::microseconds(999);
        assert_eq!(through(&db, "moment", finer).await.get::<DateTime<Utc>>(0).unwrap(), time);
    }
}

pub(crate) async fn every_kind_of_value_comes_back(place: &Place) {
    let db = prepared(place).await;
    for number in [0, -1, i64::MIN, i64::MAX] {
        assert_eq!(through(&db, "number", number).await.get::<i64>(0).unwrap(), number);
    }
    assert_eq!(through(&db, "number", 7_i32).await.get::<i32>(0).unwrap(), 7);
    for flag in [true, false] {
        assert_eq!(through(&db, "flag", flag).await.get::<bool>(0).unwrap(), flag);
    }
    for text in ["", "Ünïcødé 🍕", "it's \"quoted\"", "1.10", "007"] {
        assert_eq!(through(&db, "label", text).await.get::<String>(0).unwrap(), text);
    }
    for bytes in [vec![], vec![0, 255, 128]] {
        assert_eq!(through(&db, "bytes", bytes.clone()).await.get::<Vec<u8>>(0).unwrap(), bytes);
    }
    let id = EventId::new();
    assert_eq!(through(&db, "label", id).await.get::<String>(0).unwrap(), id.to_string());
    let nothing = through(&db, "label", None::<String>).await;
    assert_eq!(nothing.get::<Option<String>>(0).unwrap(), None);
}

pub(crate) async fn a_column_is_only_read_as_what_it_is(place: &Place) {
    let db = prepared(place).await;
    let row = through(&db, "label", "seven").await;

    let error = row.get::<i64>(0).unwrap_err();
    assert_eq!(error.to_string(), "column 0 holds text, and an integer was asked of it");
    assert!(matches!(row.get::<String>(1), Err(StoreError::Column { column: 1, .. })));
    let null = through(&db, "number", Value::Null).await;
    assert!(null.get::<i64>(0).is_err());
    let big = through(&db, "number", i64::from(i32::MAX) + 1).await;
    assert!(big.get::<i32>(0).is_err());
}

async fn prepared(place: &Place) -> Database {
    let db = place.open();
    let kinds = Migration {
        name: "kinds",
        sql: "CREATE TABLE kinds (
                  id {id}, amount {decimal}, moment TIMESTAMPTZ, number BIGINT, flag BOOLEAN,
                  label TEXT, bytes BYTEA
              )",
    };
    db.migrate("test", &[kinds]).await.unwrap();
    db
}

/// Writes a value into a column and reads it back.
async fn through(db: &Database, column: &str, value: impl Into<Value>) -> Row {
    let mut tx = db.begin().await.unwrap();
    let insert = format!("INSERT INTO kinds ({column}) VALUES ($1) RETURNING {column}");
    let row = tx.query_opt(&insert, &[value.into()]).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let select = format!("SELECT {column} FROM kinds ORDER BY id DESC LIMIT 1");
    assert_eq!(db.query_opt(&select, &[]).await.unwrap().as_ref(), Some(&row));
    row
}
