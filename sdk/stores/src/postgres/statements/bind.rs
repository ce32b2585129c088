//! Values → parameters of the types that the statement has.

use std::error::Error;

use bytes::{BufMut as _, BytesMut};
use tokio_postgres::{
    Statement,
    types::{IsNull, Kind, ToSql, Type, to_sql_checked},
};

use super::numeric;
use crate::{StoreError, Value};

/// A value that fits the parameter it is for.
#[derive(Debug)]
pub(super) struct Bound<'a>(&'a Value);

/// Each value for its parameter.
pub(super) fn one<'a>(
    sql: &str,
    statement: &Statement,
    values: &'a [Value],
) -> Result<Vec<Bound<'a>>, StoreError> {
    let types = statement.params();
    if types.len() != values.len() {
        return Err(wrong_number(sql, types.len(), values.len()));
    }
    (1..)
        .zip(types.iter().zip(values))
        .map(|(number, (kind, value))| fit(sql, number, kind, value))
        .collect()
}

/// Each column of a batch for the parameter that takes it as an array.
pub(super) fn many<'a>(
    sql: &str,
    statement: &Statement,
    rows: &'a [Vec<Value>],
) -> Result<Vec<Vec<Bound<'a>>>, StoreError> {
    let types = statement.params();
    if let Some(row) = rows.iter().find(|row| row.len() != types.len()) {
        return Err(wrong_number(sql, types.len(), row.len()));
    }
    let column = |(index, kind): (usize, &Type)| {
        let Kind::Array(member) = kind.kind() else {
            return Err(StoreError::statement(sql, format!("${} isn't of its rows", index + 1)));
        };
        rows.iter().map(|row| fit(sql, index + 1, member, &row[index])).collect()
    };
    types.iter().enumerate().map(column).collect()
}

fn wrong_number(sql: &str, takes: usize, given: usize) -> StoreError {
    StoreError::statement(sql, format!("it takes {takes} values and {given} were given"))
}

fn fit<'a>(
    sql: &str,
    number: usize,
    kind: &Type,
    value: &'a Value,
) -> Result<Bound<'a>, StoreError> {
    let fits = match value {
        Value::Null => true,
        Value::Bool(_) => *kind == Type::BOOL,
        Value::Int(value) => match *kind {
            Type::INT8 | Type::NUMERIC => true,
            Type::INT4 => i32::try_from(*value).is_ok(),
            Type::INT2 => i16::try_from(*value).is_ok(),
            _ => false,
        },
        Value::Text(text) => {
            if text.contains('\0') {
                let message = format!("${number} has a NUL byte, which text in Postgres can't");
                return Err(StoreError::statement(sql, message));
            }
            matches!(*kind, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN)
        }
        Value::Bytes(_) => *kind == Type::BYTEA,
        Value::Decimal(_) => *kind == Type::NUMERIC,
        Value::Time(_) => *kind == Type::TIMESTAMPTZ,
    };
    if fits {
        return Ok(Bound(value));
    }
    let message =
        format!("${number} takes a {kind}, and {} was given that doesn't fit", value.kind());
    Err(StoreError::statement(sql, message))
}

impl ToSql for Bound<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Bool(value) => out.put_u8((*value).into()),
            Value::Int(value) => match *kind {
                Type::INT2 => out.put_i16((*value).try_into()?),
                Type::INT4 => out.put_i32((*value).try_into()?),
                Type::NUMERIC => numeric::write((*value).into(), out),
                _ => out.put_i64(*value),
            },
            Value::Text(text) => out.put_slice(text.as_bytes()),
            Value::Bytes(bytes) => out.put_slice(bytes),
            Value::Decimal(value) => numeric::write(*value, out),
            Value::Time(time) => {
                out.put_i64(time.timestamp_millis() * 1_000 - super::read::YEAR_2000);
            }
        }
        Ok(IsNull::No)
    }

    /// What doesn't fit never gets here.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
