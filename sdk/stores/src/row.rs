//! What comes out of a query.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{StoreError, Value, error::shorten};

const MOST_ROWS: usize = 1_000_000;
const MOST_BYTES: usize = 256 << 20;

/// A result that is being read, within what a query may give.
#[derive(Default)]
pub(crate) struct Found {
    rows: Vec<Row>,
    bytes: usize,
}

impl Found {
    pub(crate) fn add(&mut self, sql: &str, values: Vec<Value>) -> Result<(), StoreError> {
        let too_much = |limit| StoreError::TooMuch { sql: shorten(sql), limit };
        self.bytes += values.iter().map(Value::size).sum::<usize>();
        if self.rows.len() == MOST_ROWS {
            return Err(too_much(format!("{MOST_ROWS} rows")));
        }
        if self.bytes > MOST_BYTES {
            return Err(too_much(format!("{MOST_BYTES} bytes")));
        }
        self.rows.push(Row { values: values.into_boxed_slice() });
        Ok(())
    }

    pub(crate) fn rows(self) -> Vec<Row> {
        self.rows
    }
}

/// One row of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    values: Box<[Value]>,
}

impl Row {
    /// What a column holds, counted from 0. NULL is an error unless `T` is an `Option`.
    pub fn get<T: FromValue>(&self, column: usize) -> Result<T, StoreError> {
        let value = self.values.get(column);
        value.and_then(T::from_value).ok_or_else(|| StoreError::Column {
            column,
            found: value.map_or("nothing (the row has fewer columns)", Value::kind),
            expected: T::EXPECTED,
        })
    }
}

/// What can be read from a column.
pub trait FromValue: Sized {
    /// What it is called in an error: `an integer`, `an order id`.
    const EXPECTED: &'static str;

    /// The value as this type, or `None` where it is another.
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for i64 {
    const EXPECTED: &'static str = "an integer";

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Int(value) => Some(*value),
            // Postgres adds integers up to a NUMERIC.
            Value::Decimal(value) if value.scale() == 0 => value.mantissa().try_into().ok(),
            _ => None,
        }
    }
}

impl FromValue for i32 {
    const EXPECTED: &'static str = "an integer of 32 bits";

    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value)?.try_into().ok()
    }
}

impl FromValue for bool {
    const EXPECTED: &'static str = "a boolean";

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(*value),
            Value::Int(value @ (0 | 1)) => Some(*value == 1),
            _ => None,
        }
    }
}

impl FromValue for String {
    const EXPECTED: &'static str = "text";

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(value) => Some(value.clone()),
            _ => None,
        }
    }
}

impl FromValue for Vec<u8> {
    const EXPECTED: &'static str = "bytes";

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bytes(value) => Some(value.clone()),
            _ => None,
        }
    }
}

impl FromValue for Decimal {
    const EXPECTED: &'static str = "a decimal of at most 28 digits";

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Decimal(value) => Some(*value),
            Value::Text(value) => Decimal::from_str_exact(value).ok(),
            Value::Int(value) => Some((*value).into()),
            _ => None,
        }
    }
}

impl FromValue for DateTime<Utc> {
    const EXPECTED: &'static str = "a time";

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Time(value) => Some(*value),
            Value::Int(value) => DateTime::from_timestamp_millis(*value),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}
