//! `decimal_sum(column)`: adds decimals that are kept as text, exactly or not at all.

use rusqlite::{
    Connection, Error, Result,
    functions::{Aggregate, Context, FunctionFlags},
    types::ValueRef,
};
use rust_decimal::Decimal;

pub(super) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_aggregate_function("decimal_sum", 1, flags, DecimalSum)
}

/// As `sum`: NULLs are passed over, and the sum of nothing is NULL.
struct DecimalSum;

impl Aggregate<Option<Decimal>, Option<String>> for DecimalSum {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<Decimal>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut Option<Decimal>) -> Result<()> {
        let Some(value) = decimal(context.get_raw(0))? else { return Ok(()) };
        *sum = match *sum {
            None => Some(value),
            Some(sum) => {
                Some(add(sum, value).ok_or_else(|| refuse("the sum has too many digits"))?)
            }
        };
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        sum: Option<Option<Decimal>>,
    ) -> Result<Option<String>> {
        Ok(sum.flatten().map(|sum| sum.to_string()))
    }
}

fn decimal(value: ValueRef<'_>) -> Result<Option<Decimal>> {
    match value {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(value) => Ok(Some(value.into())),
        ValueRef::Text(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| Decimal::from_str_exact(text).ok())
            .map(Some)
            .ok_or_else(|| refuse("a text is no decimal")),
        ValueRef::Real(_) | ValueRef::Blob(_) => Err(refuse("only decimals can be summed")),
    }
}

/// `None` where the sum would be rounded: `checked_add` drops digits that don't fit.
fn add(a: Decimal, b: Decimal) -> Option<Decimal> {
    let sum = a.checked_add(b)?;
    (sum.checked_sub(a)? == b && sum.checked_sub(b)? == a).then_some(sum)
}

fn refuse(why: &str) -> Error {
    Error::UserFunctionError(format!("decimal_sum: {why}").into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn sum(values: &str) -> Result<Option<String>> {
        let connection = Connection::open_in_memory()?;
        register(&connection)?;
        let sql = format!("SELECT decimal_sum(column1) FROM (VALUES {values})");
        connection.query_row(&sql, [], |row| row.get(0))
    }

    #[test]
    fn a_sum_keeps_every_digit() {
        assert_eq!(sum("('0.1'), ('0.2'), (NULL), (1)").unwrap().unwrap(), "1.3");
        assert_eq!(
            sum("('9007199254740993.01'), ('-0.01')").unwrap().unwrap(),
            "9007199254740993.00"
        );
        assert_eq!(sum("(NULL)").unwrap(), None);
    }

    #[test]
    fn a_sum_that_would_be_rounded_is_an_error() {
        assert!(sum("('79228162514264337593543950335'), ('0.1')").is_err());
        assert!(sum("('79228162514264337593543950335'), ('1')").is_err());
        assert!(sum("('one')").is_err());
        assert!(sum("(0.1)").is_err());
    }
}
