//! One transaction.

use std::time::Duration;

use orderly_sdk::consume::Unavailable;
use tokio::sync::watch;

use crate::{Row, StoreError, Value, database::at_most_one, dialect, postgres, sqlite};

/// A transaction. Dropped without [`commit`](Tx::commit), it leaves nothing behind.
///
/// After an error, or a call that was cancelled half-way, nothing more can be done in it and it
/// can't be committed: an effect is whole or not there. Meet an expected repeat with `ON CONFLICT`
/// rather than with the error.
///
/// On SQLite nobody else writes while it is open; on Postgres it holds a connection and the rows
/// that it wrote or read with `{for_update}`, and reads what others have committed so far. Wait
/// for nothing slow in it: one that is left without a call for 60 s is rolled back.
pub struct Tx {
    session: Session,
    failed: Option<Failed>,
    outbox: watch::Sender<u64>,
    wrote_outbox: bool,
}

/// The open transaction at its database.
pub(crate) enum Session {
    Sqlite(sqlite::Session),
    Postgres(Box<postgres::Session>),
}

struct Failed {
    why: String,
    cause: Option<Unavailable>,
}

impl Tx {
    pub(crate) fn new(session: Session, outbox: watch::Sender<u64>) -> Self {
        Self { session, failed: None, outbox, wrote_outbox: false }
    }

    /// Runs one statement that gives no rows; says how many it inserted, changed or deleted.
    pub async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        self.begin_call()?;
        let done = self.session.execute(sql, values).await;
        self.end_call(done)
    }

    /// Runs one statement over many rows, the way for batches. It reads them from a table
    /// `{rows: …}` that names their columns and types:
    ///
    /// ```sql
    /// INSERT INTO effects (id, what) SELECT r.id, r.what
    /// FROM {rows: id BIGINT, what TEXT} AS r {in_order} ON CONFLICT DO NOTHING
    /// ```
    ///
    /// or, where rows of one value only name what they are about, compares with `{any: TYPE}`, as in
    /// `DELETE FROM effects WHERE id = {any: BIGINT}`.
    ///
    /// Says how many rows it inserted, changed or deleted. SQLite runs it for a row after the
    /// other, Postgres for all at once: so no two rows may meet in one `DO UPDATE`, and
    /// `{in_order}` keeps their order where ids are given out or rows are locked.
    pub async fn execute_many(
        &mut self,
        sql: &str,
        rows: Vec<Vec<Value>>,
    ) -> Result<u64, StoreError> {
        self.begin_call()?;
        let done = match names_rows(sql) {
            Ok(()) => self.session.execute_many(sql, rows).await,
            Err(error) => Err(error),
        };
        self.end_call(done)
    }

    /// Runs one statement and gives its rows. More than 1,000,000 rows or 256 MiB are an error.
    pub async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.begin_call()?;
        let rows = self.session.query(sql, values).await;
        self.end_call(rows)
    }

    /// The same for at most one row; more are an error.
    pub async fn query_opt(
        &mut self,
        sql: &str,
        values: &[Value],
    ) -> Result<Option<Row>, StoreError> {
        at_most_one(sql, self.query(sql, values).await?)
    }

    /// The rows of one statement over many rows, which it names as in
    /// [`execute_many`](Tx::execute_many): `SELECT … WHERE id = {any: TEXT} ORDER BY id {for_update}`.
    /// SQLite asks for one after the other, so the statement's own order holds on Postgres only.
    pub async fn query_many(
        &mut self,
        sql: &str,
        rows: Vec<Vec<Value>>,
    ) -> Result<Vec<Row>, StoreError> {
        self.begin_call()?;
        let found = match names_rows(sql) {
            Ok(()) => self.session.query_many(sql, rows).await,
            Err(error) => Err(error),
        };
        self.end_call(found)
    }

    /// Makes it last. After an error nothing of it does, but where the process ends meanwhile, the
    /// call is cancelled, or the database goes away before it answers
    /// ([`Unavailable`](StoreError::Unavailable)), either may be.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.begin_call()?;
        let wake = self.wrote_outbox.then(|| self.outbox.clone());
        self.session.commit(wake).await
    }

    /// Runs several statements, without values.
    pub(crate) async fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.begin_call()?;
        let done = self.session.script(sql).await;
        self.end_call(done)
    }

    /// Waits for the members that migrate, and has what migrations rely on.
    pub(crate) async fn prepare_migration(&mut self) -> Result<(), StoreError> {
        self.begin_call()?;
        let done = self.session.prepare_migration().await;
        self.end_call(done)
    }

    /// Holds these keys of the outbox until its end, so that they are written in commit order.
    pub(crate) async fn lock_outbox(&mut self, keys: &[i32]) -> Result<(), StoreError> {
        self.begin_call()?;
        let done = self.session.lock_outbox(keys).await;
        self.end_call(done)
    }

    /// Has it rolled back sooner when it is left without a call: what it holds is waited for. On
    /// SQLite the process that left it is all that could.
    pub(crate) async fn end_when_idle_for(&mut self, idle: Duration) -> Result<(), StoreError> {
        self.begin_call()?;
        let done = match &mut self.session {
            Session::Sqlite(_) => Ok(()),
            Session::Postgres(session) => session.end_when_idle_for(idle).await,
        };
        self.end_call(done)
    }

    /// Its commit is to wake the relay.
    pub(crate) fn mark_outbox(&mut self) {
        self.wrote_outbox = true;
    }

    fn begin_call(&mut self) -> Result<(), StoreError> {
        if let Some(Failed { why, cause }) = &self.failed {
            return Err(StoreError::Over { why: why.clone(), cause: cause.clone() });
        }
        // Stands if the call is cancelled: nobody would know whether the statement ran.
        self.failed = Some(Failed { why: "a call in it was cancelled".to_owned(), cause: None });
        Ok(())
    }

    fn end_call<T>(&mut self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        self.failed = answer
            .as_ref()
            .err()
            .map(|error| Failed { why: error.to_string(), cause: error.cause().cloned() });
        answer
    }
}

/// Postgres' advisory locks: of the migrations, and of the outbox's keys.
const MIGRATIONS: i32 = 0x6f72_6401;
const OUTBOX: i32 = 0x6f72_6402;

impl Session {
    async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(session) => session.execute(sql, vec![values.to_vec()]).await,
            Self::Postgres(session) => session.execute(sql, values).await,
        }
    }

    async fn execute_many(&mut self, sql: &str, rows: Vec<Vec<Value>>) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(session) => session.execute(sql, rows).await,
            Self::Postgres(session) => session.execute_many(sql, &rows).await,
        }
    }

    async fn query_many(
        &mut self,
        sql: &str,
        rows: Vec<Vec<Value>>,
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(session) => {
                let mut found = Vec::new();
                for row in rows {
                    found.extend(session.query(sql, &row).await?);
                }
                Ok(found)
            }
            Self::Postgres(session) => session.query_many(sql, &rows).await,
        }
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(session) => session.query(sql, values).await,
            Self::Postgres(session) => session.query(sql, values).await,
        }
    }

    async fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(session) => session.script(&sqlite::DIALECT.of(sql)).await,
            Self::Postgres(session) => session.script(&postgres::migration(sql)).await,
        }
    }

    /// In SQLite one transaction writes at a time, and the sum is there in every connection.
    async fn prepare_migration(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(session) => session.prepare_migration(MIGRATIONS).await,
        }
    }

    async fn lock_outbox(&mut self, keys: &[i32]) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(session) => session.lock(OUTBOX, keys).await,
        }
    }

    async fn commit(self, wake: Option<watch::Sender<u64>>) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(session) => session.commit(wake).await,
            Self::Postgres(session) => session.commit(wake).await,
        }
    }
}

fn names_rows(sql: &str) -> Result<(), StoreError> {
    if dialect::names_rows(sql) {
        return Ok(());
    }
    let why = "a batch reads its rows from `{rows: name TYPE, …}` or `{any: TYPE}`";
    Err(StoreError::statement(sql, why))
}
