//! SQLite: one thread that writes, a few that read. The only module that names rusqlite.

mod connection;
mod decimal_sum;
mod errors;
mod readers;
mod statements;
mod writer;

use std::{path::Path, time::Duration};

use crate::{Row, StoreError, Value};
use readers::Readers;
use writer::Writer;

pub(crate) use writer::{Reply, Session, Step};

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

/// A migration's text as SQLite has it.
pub(crate) fn dialect(sql: &str) -> String {
    // Declared NUMERIC, a column would turn '1.10' into a float.
    sql.replace("{id}", "INTEGER PRIMARY KEY AUTOINCREMENT").replace("{decimal}", "TEXT")
}
