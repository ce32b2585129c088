//! A database, opened by url.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::watch;

use crate::{
    Row, StoreError, Tx, Value,
    postgres::Postgres,
    sqlite::{Limits, Sqlite},
    transaction::Session,
};

/// Ids that one question names.
const MOST_AMONG: usize = 100;

/// A database; clones share it. Reads outside of a transaction run beside the transactions and see
/// what is committed.
///
/// SQLite writes one transaction at a time, so transactions of all clones take turns, in the order
/// in which they asked. Another process may have the file open too; between processes turns are
/// not fair.
///
/// Postgres runs as many at once as there are connections, 8 unless the url says `pool_size`, and
/// half as many reads. Whatever takes too long (connecting or waiting for a free connection 5 s, a
/// lock 5 s, a statement 15 s) is [`Unavailable`](StoreError::Unavailable), and so is a deadlock.
#[derive(Clone)]
pub struct Database {
    backend: Backend,
    /// Counts commits that put something in the outbox.
    outbox: watch::Sender<u64>,
}

#[derive(Clone)]
enum Backend {
    Sqlite(Sqlite),
    Postgres(Arc<Postgres>),
}

impl Database {
    /// Opens one of:
    ///
    /// - `sqlite:/path/file.db`, which is made if it isn't there; its directory must be. A commit
    ///   outlives the process; the last ones may not outlive a power cut. Blocks its thread:
    ///   shortly, or up to 5 s where another process locks the file.
    /// - `postgres://user@host:port/database`, version 14 or later; connects when there is
    ///   something to do. The password may be in the url, in PGPASSWORD or in the file that
    ///   PGPASSFILE names. Options: `sslmode` (`disable` or `prefer`, in the clear both: what asks
    ///   for TLS is refused), `pool_size`, `connect_timeout` in seconds, `statement_timeout` and
    ///   `lock_timeout` in milliseconds.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        if Postgres::is_meant(url) {
            return Ok(Self::over(Backend::Postgres(Arc::new(Postgres::open(url)?))));
        }
        Self::open_within(url, Limits::default())
    }

    pub(crate) fn open_within(url: &str, limits: Limits) -> Result<Self, StoreError> {
        Ok(Self::over(Backend::Sqlite(Sqlite::open(&sqlite_path(url)?, limits)?)))
    }

    fn over(backend: Backend) -> Self {
        Self { backend, outbox: watch::Sender::new(0) }
    }

    /// Opens a transaction, on SQLite when its turn comes. Cancelled, it gives up its turn.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let session = match &self.backend {
            Backend::Sqlite(sqlite) => Session::Sqlite(sqlite.begin().await?),
            Backend::Postgres(postgres) => Session::Postgres(Box::new(postgres.begin().await?)),
        };
        Ok(Tx::new(session, self.outbox.clone()))
    }

    /// Reads what is committed, beside the transactions. A statement that writes is refused, and
    /// so is a result of more than 1,000,000 rows or 256 MiB.
    pub async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.query(sql.to_owned(), values.to_vec()).await,
            Backend::Postgres(postgres) => postgres.query(sql, values).await,
        }
    }

    /// The same for at most one row; more are an error.
    pub async fn query_opt(&self, sql: &str, values: &[Value]) -> Result<Option<Row>, StoreError> {
        at_most_one(sql, self.query(sql, values).await?)
    }

    /// All rows that `sql` gives for these ids, read in parts, so that each stays far below what one
    /// answer may hold. It is given the parameters that stand for a part's ids: `… IN ({ids})`.
    pub async fn query_among(
        &self,
        ids: &[&str],
        sql: impl Fn(&str) -> String,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for part in ids.chunks(MOST_AMONG) {
            let names: Vec<_> = (1..=part.len()).map(|number| format!("${number}")).collect();
            let values: Vec<Value> = part.iter().map(|id| (*id).into()).collect();
            rows.extend(self.query(&sql(&names.join(", ")), &values).await?);
        }
        Ok(rows)
    }

    /// Tells when something has come into the outbox.
    pub(crate) fn outbox_changes(&self) -> watch::Receiver<u64> {
        self.outbox.subscribe()
    }
}

pub(crate) fn at_most_one(sql: &str, rows: Vec<Row>) -> Result<Option<Row>, StoreError> {
    if rows.len() > 1 {
        let found = rows.len();
        return Err(StoreError::statement(sql, format!("{found} rows, where at most one fits")));
    }
    Ok(rows.into_iter().next())
}

fn sqlite_path(url: &str) -> Result<PathBuf, StoreError> {
    const SUPPORTED: &str = "give sqlite:/path/to/file.db or postgres://user@host:port/database";
    // No more of the url than its scheme goes into a message: the rest may hold a password.
    let path = match url.split_once(':') {
        Some(("sqlite", path)) => path.strip_prefix("//").unwrap_or(path),
        Some((scheme, _)) => {
            return Err(StoreError::Url(format!(
                "database scheme `{scheme}:` is not supported: {SUPPORTED}"
            )));
        }
        None => {
            return Err(StoreError::Url(format!("the database url has no scheme: {SUPPORTED}")));
        }
    };
    if path.is_empty() || path.ends_with('/') {
        return Err(StoreError::Url(format!("the database url names no file: {SUPPORTED}")));
    }
    if path.contains('?') {
        return Err(StoreError::Url(format!("a database url takes no `?` options: {SUPPORTED}")));
    }
    Ok(path.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use super::*;

    #[test]
    fn a_sqlite_url_names_a_file() {
        for (url, path) in [
            ("sqlite:/var/lib/orders.db", "/var/lib/orders.db"),
            ("sqlite:///var/lib/orders.db", "/var/lib/orders.db"),
            ("sqlite:orders.db", "orders.db"),
        ] {
            assert_eq!(sqlite_path(url).unwrap(), Path::new(path), "{url}");
        }
    }

    #[test]
    fn another_url_is_refused_naming_what_is_supported_and_no_password() {
        for url in [
            "mysql://me:secret@host/db",
            "/secret.db",
            "sqlite:",
            "sqlite:/secret/",
            "sqlite:a?secret",
        ] {
            let message = sqlite_path(url).unwrap_err().to_string();
            assert!(message.contains("sqlite:/path/to/file.db"), "{message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
