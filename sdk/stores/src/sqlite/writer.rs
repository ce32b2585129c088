//! The one thread that writes: a transaction after the other, each from begin to its end.

use std::{
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use super::{Limits, connection, errors, statements::Statements};
use crate::{Row, StoreError, Value};

/// Turns that may be waiting in the thread's queue; who asks behind them waits outside, in order.
const MOST_WAITING: usize = 64;

#[derive(Clone)]
pub(super) struct Writer {
    turns: mpsc::Sender<Turn>,
}

impl Writer {
    pub(super) fn start(path: &Path, limits: Limits) -> Result<Self, StoreError> {
        let connection = connection::open_writer(path, limits)?;
        let (turns, queue) = mpsc::channel(MOST_WAITING);
        thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write(&connection, queue, limits))
            .map_err(|error| StoreError::unavailable(format!("no thread for it: {error}")))?;
        Ok(Self { turns })
    }

    pub(super) async fn begin(&self) -> Result<Session, StoreError> {
        let (steps, taken) = channel();
        let (begun, answer) = oneshot::channel();
        self.turns.send(Turn { steps: taken, begun }).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())??;
        Ok(Session { steps })
    }
}

/// The asking side of an open transaction; dropped, it is rolled back.
pub(crate) struct Session {
    steps: Sender<Step>,
}

impl Session {
    pub(crate) async fn execute(
        &self,
        sql: &str,
        rows: Vec<Vec<Value>>,
    ) -> Result<u64, StoreError> {
        let sql = sql.to_owned();
        self.ask(|reply| Step::Execute { sql, rows, reply }).await
    }

    pub(crate) async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let (sql, values) = (sql.to_owned(), values.to_vec());
        self.ask(|reply| Step::Query { sql, values, reply }).await
    }

    pub(crate) async fn script(&self, sql: &str) -> Result<(), StoreError> {
        let sql = sql.to_owned();
        self.ask(|reply| Step::Script { sql, reply }).await
    }

    pub(crate) async fn commit(self, wake: Option<watch::Sender<u64>>) -> Result<(), StoreError> {
        self.ask(|reply| Step::Commit { wake, reply }).await
    }

    /// Has a step done and waits for its answer. One at a time, so that nothing queues up.
    async fn ask<T>(&self, step: impl FnOnce(Reply<T>) -> Step) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.steps.send(step(reply)).map_err(|_| left())?;
        answer.await.map_err(|_| left())?
    }
}

/// Where a step's answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What can be done in a transaction.
enum Step {
    Execute { sql: String, rows: Vec<Vec<Value>>, reply: Reply<u64> },
    Query { sql: String, values: Vec<Value>, reply: Reply<Vec<Row>> },
    Script { sql: String, reply: Reply<()> },
    Commit { wake: Option<watch::Sender<u64>>, reply: Reply<()> },
}

struct Turn {
    steps: Receiver<Step>,
    begun: Reply<()>,
}

fn write(connection: &Connection, mut queue: mpsc::Receiver<Turn>, limits: Limits) {
    let mut statements = Statements::new(connection);
    while let Some(Turn { steps, begun }) = queue.blocking_recv() {
        if begun.is_closed() {
            continue;
        }
        let began = roll_back(connection).and_then(|()| statements.script("BEGIN IMMEDIATE"));
        let is_open = began.is_ok();
        // Where nobody waits for it any more the steps are closed, which rolls it back.
        let _ = begun.send(began);
        if is_open {
            transact(connection, &mut statements, &steps, limits);
            drop(steps);
            if let Err(error) = roll_back(connection) {
                tracing::error!(%error, "a transaction can't be rolled back");
            }
        }
    }
}

/// Does the steps of one transaction until it is committed, fails, or is dropped.
fn transact(
    connection: &Connection,
    statements: &mut Statements<'_>,
    steps: &Receiver<Step>,
    limits: Limits,
) {
    loop {
        let goes_on = match steps.recv_timeout(limits.idle) {
            Ok(Step::Execute { sql, rows, reply }) => answer(
                reply,
                statements.execute(&sql, &rows).and_then(|n| still_open(connection, &sql, n)),
            ),
            Ok(Step::Query { sql, values, reply }) => answer(
                reply,
                statements.query(&sql, &values).and_then(|rows| still_open(connection, &sql, rows)),
            ),
            Ok(Step::Script { sql, reply }) => answer(
                reply,
                statements.script(&sql).and_then(|()| still_open(connection, &sql, ())),
            ),
            Ok(Step::Commit { wake, reply }) => {
                let committed = statements.script("COMMIT");
                if let (Ok(()), Some(outbox)) = (&committed, wake) {
                    outbox.send_modify(|commits| *commits = commits.wrapping_add(1));
                }
                let _ = reply.send(committed);
                false
            }
            Err(RecvTimeoutError::Disconnected) => false,
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!(
                    seconds = limits.idle.as_secs(),
                    "a transaction was left without a call and is rolled back; others waited for it"
                );
                false
            }
        };
        if !goes_on {
            return;
        }
    }
}

/// Sends a step's answer; whether the transaction goes on.
fn answer<T>(reply: Reply<T>, result: Result<T, StoreError>) -> bool {
    let is_ok = result.is_ok();
    reply.send(result).is_ok() && is_ok
}

fn still_open<T>(connection: &Connection, sql: &str, result: T) -> Result<T, StoreError> {
    if connection.is_autocommit() {
        return Err(StoreError::statement(sql, "it ended the transaction: use commit, or drop it"));
    }
    Ok(result)
}

fn roll_back(connection: &Connection) -> Result<(), StoreError> {
    if connection.is_autocommit() {
        return Ok(());
    }
    connection.execute_batch("ROLLBACK").map_err(|error| {
        StoreError::unavailable(format!(
            "the last transaction can't be rolled back: {}",
            errors::from_statement("ROLLBACK", &error)
        ))
    })
}

fn left() -> StoreError {
    let why = "it was left without a call for too long and rolled back".to_owned();
    StoreError::Over { why, cause: None }
}

fn ended() -> StoreError {
    StoreError::unavailable("its writing thread has ended")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use crate::{Database, StoreError, sqlite::Limits};

    const SHORT: Duration = Duration::from_millis(20);

    fn open(dir: &tempfile::TempDir, limits: Limits) -> Database {
        let url = format!("sqlite:{}", dir.path().join("a.db").display());
        Database::open_within(&url, limits).unwrap()
    }

    #[tokio::test]
    async fn a_transaction_left_alone_is_rolled_back_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let db = open(&dir, Limits { idle: SHORT, ..Limits::default() });
        let mut left = db.begin().await.unwrap();

        db.begin().await.unwrap();

        let error = left.execute("CREATE TABLE t (a TEXT)", &[]).await.unwrap_err();
        assert!(matches!(&error, StoreError::Over { why, .. } if why.contains("without a call")));
    }

    #[tokio::test]
    async fn a_file_that_another_process_locks_is_unavailable() {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits { locked: SHORT, ..Limits::default() };
        let (one, other) = (open(&dir, limits), open(&dir, limits));
        let held = one.begin().await.unwrap();

        let error = other.begin().await.err().unwrap();
        assert!(error.cause().is_some_and(|cause| cause.part == "database"), "{error}");

        held.commit().await.unwrap();
        other.begin().await.unwrap();
    }
}
