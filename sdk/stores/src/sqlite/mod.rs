//! SQLite: one thread that writes, a few that read. The only module that names rusqlite.

mod connection;
mod decimal_sum;
mod errors;
mod readers;
mod statements;
mod writer;

use std::{path::Path, time::Duration};

use crate::{Row, StoreError, Value, dialect::Dialect};
use readers::Readers;
use writer::{Reply, Writer};

pub(crate) use writer::Session;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Waiting for another process's lock.
    pub(crate) locked: Duration,
    /// A transaction without a call.
    pub(crate) idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { locked: Duration::from_secs(5), idle: Duration::from_secs(60) }
    }
}

/// One database file.
#[derive(Clone)]
pub(crate) struct Sqlite {
    writer: Writer,
    readers: Readers,
}

impl Sqlite {
    pub(crate) fn open(path: &Path, limits: Limits) -> Result<Self, StoreError> {
        // The writer first: it makes the file.
        let writer = Writer::start(path, limits)?;
        let readers = Readers::start(path, limits)?;
        Ok(Self { writer, readers })
    }

    pub(crate) async fn begin(&self) -> Result<Session, StoreError> {
        self.writer.begin().await
    }

    pub(crate) async fn query(
        &self,
        sql: String,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        self.readers.query(sql, values).await
    }
}

/// How SQLite writes what differs.
pub(crate) const DIALECT: Dialect = Dialect {
    id: "INTEGER PRIMARY KEY AUTOINCREMENT",
    // Declared NUMERIC, a column would turn '1.10' into a float.
    decimal: "TEXT",
    for_update: "",
    skip_locked: "",
    now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    // Behind a table alone it couldn't read `ON CONFLICT`.
    in_order: "WHERE TRUE",
    rows: |columns| {
        let values: Vec<String> =
            (1..).zip(columns).map(|(number, (name, _))| format!("${number} AS {name}")).collect();
        format!("(SELECT {})", values.join(", "))
    },
    any: |_| "$1".to_owned(),
};
