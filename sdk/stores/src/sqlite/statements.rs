//! Runs statements on one connection, each prepared once.

use std::collections::HashMap;

use rusqlite::{Connection, Statement, types::ValueRef};

use super::errors;
use crate::{Row, StoreError, Value, row::Found};

/// More texts than the services have between them.
const MOST_PREPARED: usize = 256;

/// The prepared statements of one connection.
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    prepared: HashMap<String, Prepared<'c>>,
}

impl<'c> Statements<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection, prepared: HashMap::new() }
    }

    pub(super) fn execute(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<u64, StoreError> {
        let prepared = self.prepare(sql)?;
        let mut changed = 0;
        for values in rows {
            prepared.bind(sql, values)?;
            let count = prepared.statement.raw_execute();
            changed += count.map_err(|error| errors::from_statement(sql, &error))? as u64;
        }
        Ok(changed)
    }

    pub(super) fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let prepared = self.prepare(sql)?;
        prepared.bind(sql, values)?;
        prepared.rows(sql)
    }

    /// The same, only where the statement can't write.
    pub(super) fn read(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let prepared = self.prepare(sql)?;
        if !prepared.statement.readonly() {
            return Err(StoreError::statement(sql, "it writes: begin a transaction for it"));
        }
        prepared.bind(sql, values)?;
        let rows = prepared.rows(sql);
        if !self.connection.is_autocommit() {
            // It was a BEGIN: left open, this reader would see no later commit.
            self.script("ROLLBACK")?;
            return Err(StoreError::statement(sql, "call begin instead"));
        }
        rows
    }

    pub(super) fn script(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.execute_batch(sql).map_err(|error| errors::from_statement(sql, &error))
    }

    fn prepare(&mut self, sql: &str) -> Result<&mut Prepared<'c>, StoreError> {
        if !self.prepared.contains_key(sql) {
            if self.prepared.len() >= MOST_PREPARED {
                self.prepared.clear();
            }
            let prepared = Prepared::new(self.connection, sql)?;
            self.prepared.insert(sql.to_owned(), prepared);
        }
        self.prepared
            .get_mut(sql)
            .ok_or_else(|| StoreError::statement(sql, "it was prepared and not kept"))
    }
}

struct Prepared<'c> {
    statement: Statement<'c>,
    /// For each parameter in SQLite's count, which is by first appearance, the value's index.
    parameters: Vec<usize>,
    /// How many values it takes.
    values: usize,
}

impl<'c> Prepared<'c> {
    fn new(connection: &'c Connection, sql: &str) -> Result<Self, StoreError> {
        let statement = connection
            .prepare(&super::DIALECT.of(sql))
            .map_err(|error| errors::from_statement(sql, &error))?;
        let parameters = (1..=statement.parameter_count())
            .map(|index| {
                let name = statement.parameter_name(index).unwrap_or("?");
                let number = name.strip_prefix('$').and_then(|number| number.parse().ok());
                number.and_then(|number: usize| number.checked_sub(1)).ok_or_else(|| {
                    StoreError::statement(sql, format!("parameter `{name}`: write $1, $2, …"))
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let values = parameters.iter().max().map_or(0, |last| last + 1);
        Ok(Self { statement, parameters, values })
    }

    fn bind(&mut self, sql: &str, values: &[Value]) -> Result<(), StoreError> {
        if values.len() != self.values {
            let (takes, given) = (self.values, values.len());
            let message = format!("it takes {takes} values and {given} were given");
            return Err(StoreError::statement(sql, message));
        }
        for (index, &value) in (1..).zip(&self.parameters) {
            let statement = &mut self.statement;
            match &values[value] {
                Value::Null => statement.raw_bind_parameter(index, rusqlite::types::Null),
                Value::Bool(value) => statement.raw_bind_parameter(index, value),
                Value::Int(value) => statement.raw_bind_parameter(index, value),
                Value::Text(value) => statement.raw_bind_parameter(index, value),
                Value::Bytes(value) => statement.raw_bind_parameter(index, value),
                Value::Decimal(value) => statement.raw_bind_parameter(index, value.to_string()),
                Value::Time(value) => statement.raw_bind_parameter(index, value.timestamp_millis()),
            }
            .map_err(|error| errors::from_statement(sql, &error))?;
        }
        Ok(())
    }

    fn rows(&mut self, sql: &str) -> Result<Vec<Row>, StoreError> {
        let failed = |error| errors::from_statement(sql, &error);
        let columns = self.statement.column_count();
        let mut found = Found::default();
        let mut rows = self.statement.raw_query();
        while let Some(row) = rows.next().map_err(failed)? {
            let values = (0..columns)
                .map(|column| value(sql, column, row.get_ref(column).map_err(failed)?))
                .collect::<Result<Vec<_>, _>>()?;
            found.add(sql, values)?;
        }
        Ok(found.rows())
    }
}

fn value(sql: &str, column: usize, value: ValueRef<'_>) -> Result<Value, StoreError> {
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(value) => Ok(Value::Int(value)),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Ok(Value::Text(text.to_owned())),
            Err(_) => Err(StoreError::statement(sql, format!("column {column} isn't UTF-8"))),
        },
        ValueRef::Blob(bytes) => Ok(Value::Bytes(bytes.to_vec())),
        ValueRef::Real(_) => Err(StoreError::statement(
            sql,
            format!("column {column} is a float, which isn't exact: add with decimal_sum"),
        )),
    }
}
