//! One transaction.

use orderly_sdk::consume::Unavailable;
use tokio::sync::watch;

use crate::{
    Row, StoreError, Value,
    database::at_most_one,
    sqlite::{Reply, Session, Step},
};

/// A transaction. Dropped without [`commit`](Tx::commit), it leaves nothing behind, and the next
/// one begins when its rollback is done.
///
/// After an error, or a call that was cancelled half-way, nothing more can be done in it and it
/// can't be committed: an effect is whole or not there. Meet an expected repeat with `ON CONFLICT`
/// rather than with the error.
///
/// On SQLite nobody else writes while it is open: wait for nothing slow in it. One that is left
/// without a call for 60 s is rolled back.
pub struct Tx {
    session: Session,
    failed: Option<Failed>,
    outbox: watch::Sender<u64>,
    wrote_outbox: bool,
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
        self.execute_many(sql, vec![values.to_vec()]).await
    }

    /// Runs one statement for each list of values, in order, prepared once: the way for batches.
    /// Says how many rows they inserted, changed or deleted together.
    pub async fn execute_many(
        &mut self,
        sql: &str,
        rows: Vec<Vec<Value>>,
    ) -> Result<u64, StoreError> {
        let sql = sql.to_owned();
        self.step(|reply| Step::Execute { sql, rows, reply }).await
    }

    /// Runs one statement and gives its rows. More than 1,000,000 rows or 256 MiB are an error.
    pub async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let (sql, values) = (sql.to_owned(), values.to_vec());
        self.step(|reply| Step::Query { sql, values, reply }).await
    }

    /// The same for at most one row; more are an error.
    pub async fn query_opt(
        &mut self,
        sql: &str,
        values: &[Value],
    ) -> Result<Option<Row>, StoreError> {
        at_most_one(sql, self.query(sql, values).await?)
    }

    /// Makes it last. After an error nothing of it does, but where the process ends meanwhile or
    /// the call is cancelled, either may be.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        let wake = self.wrote_outbox.then(|| self.outbox.clone());
        self.step(|reply| Step::Commit { wake, reply }).await
    }

    /// Runs several statements, without values.
    pub(crate) async fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        let sql = sql.to_owned();
        self.step(|reply| Step::Script { sql, reply }).await
    }

    /// Its commit is to wake the relay.
    pub(crate) fn mark_outbox(&mut self) {
        self.wrote_outbox = true;
    }

    async fn step<T>(&mut self, step: impl FnOnce(Reply<T>) -> Step) -> Result<T, StoreError> {
        if let Some(Failed { why, cause }) = &self.failed {
            return Err(StoreError::Over { why: why.clone(), cause: cause.clone() });
        }
        // Stands if this call is cancelled: nobody would know whether the statement ran.
        self.failed = Some(Failed { why: "a call in it was cancelled".to_owned(), cause: None });
        let answer = self.session.ask(step).await;
        self.failed = answer
            .as_ref()
            .err()
            .map(|error| Failed { why: error.to_string(), cause: error.cause().cloned() });
        answer
    }
}
