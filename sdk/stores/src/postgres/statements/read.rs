//! Columns → values.

use std::error::Error;

use bytes::Buf as _;
use chrono::DateTime;
use tokio_postgres::{
    Row,
    types::{FromSql, Type},
};

use super::numeric;
use crate::{StoreError, Value};

/// Postgres counts microseconds from here.
pub(super) const YEAR_2000: i64 = 946_684_800_000_000;

pub(super) fn row(sql: &str, row: &Row) -> Result<Vec<Value>, StoreError> {
    (0..row.len())
        .map(|column| match row.try_get::<_, Read>(column) {
            Ok(Read(Ok(value))) => Ok(value),
            Ok(Read(Err(why))) => Err(StoreError::statement(sql, format!("column {column} {why}"))),
            Err(_) => Err(StoreError::statement(sql, format!("column {column} can't be read"))),
        })
        .collect()
}

/// A column's value, or why it can't be one.
struct Read(Result<Value, String>);

impl<'a> FromSql<'a> for Read {
    fn from_sql(kind: &Type, mut bytes: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let value = match *kind {
            Type::BOOL => Value::Bool(bytes.try_get_u8()? != 0),
            Type::INT2 => Value::Int(bytes.try_get_i16()?.into()),
            Type::INT4 => Value::Int(bytes.try_get_i32()?.into()),
            Type::INT8 => Value::Int(bytes.try_get_i64()?),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
                Value::Text(std::str::from_utf8(bytes)?.to_owned())
            }
            Type::BYTEA => Value::Bytes(bytes.to_vec()),
            Type::NUMERIC => match numeric::read(bytes) {
                Some(value) => Value::Decimal(value),
                None => return refused("is no decimal of at most 28 digits"),
            },
            Type::TIMESTAMPTZ => {
                let micros = bytes.try_get_i64()?.checked_add(YEAR_2000);
                let time = micros.map(|micros| micros.div_euclid(1_000));
                match time.and_then(DateTime::from_timestamp_millis) {
                    Some(time) => Value::Time(time),
                    None => return refused("is a time beyond all calendars"),
                }
            }
            Type::VOID => Value::Null,
            Type::FLOAT4 | Type::FLOAT8 => {
                return refused("is a float, which isn't exact: add with decimal_sum");
            }
            ref other => {
                return refused(&format!("is a {other}: cast it to one of the types here"));
            }
        };
        Ok(Self(Ok(value)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Ok(Value::Null)))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn refused(why: &str) -> Result<Read, Box<dyn Error + Sync + Send>> {
    Ok(Read(Err(why.to_owned())))
}
