//! One transaction on a connection of its own.

use std::time::Duration;

use tokio::{runtime::Handle, sync::watch};

use super::{FOUNDATION, connections::Connection, statements};
use crate::{Row, StoreError, Value};

/// A migration may wait for another member's, and work on big tables.
const MIGRATION: Duration = Duration::from_secs(10 * 60);

/// An open transaction; dropped, it is rolled back.
pub(crate) struct Session {
    connection: Option<Connection>,
}

impl Session {
    pub(super) async fn begin(mut connection: Connection) -> Result<Self, StoreError> {
        connection.script("BEGIN").await?;
        Ok(Self { connection: Some(connection) })
    }

    pub(crate) async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        stays_open(sql)?;
        self.connection()?.execute(sql, values).await
    }

    pub(crate) async fn execute_many(
        &mut self,
        sql: &str,
        rows: &[Vec<Value>],
    ) -> Result<u64, StoreError> {
        self.connection()?.execute_many(sql, rows).await
    }

    pub(crate) async fn query_many(
        &mut self,
        sql: &str,
        rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, StoreError> {
        self.connection()?.query_many(sql, rows).await
    }

    pub(crate) async fn query(
        &mut self,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        stays_open(sql)?;
        self.connection()?.query(sql, values).await
    }

    pub(crate) async fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.connection()?.script(sql).await
    }

    /// Waits until no other transaction holds any of these locks, and holds them until its end.
    pub(crate) async fn lock(&mut self, class: i32, keys: &[i32]) -> Result<(), StoreError> {
        const LOCK: &str = "
            SELECT pg_advisory_xact_lock($1, r.key)
            FROM UNNEST(STRING_TO_ARRAY($2, ',')::INTEGER[]) AS r (key)";
        let keys: Vec<String> = keys.iter().map(i32::to_string).collect();
        self.connection()?.query(LOCK, &[class.into(), keys.join(",").into()]).await.map(drop)
    }

    /// Makes room for migrations, with the lock that lets one member migrate at a time.
    pub(crate) async fn prepare_migration(&mut self, class: i32) -> Result<(), StoreError> {
        let connection = self.connection()?;
        connection.allow(MIGRATION + Duration::from_secs(2));
        let millis = MIGRATION.as_millis();
        let longer =
            format!("SET LOCAL statement_timeout = {millis}; SET LOCAL lock_timeout = {millis}");
        connection.script(&longer).await?;
        self.lock(class, &[0]).await?;
        self.script(FOUNDATION).await
    }

    /// Has the server end it when it hears nothing of it for so long.
    pub(crate) async fn end_when_idle_for(&mut self, idle: Duration) -> Result<(), StoreError> {
        let millis = idle.as_millis().max(1);
        self.script(&format!("SET LOCAL idle_in_transaction_session_timeout = {millis}")).await
    }

    /// Commits, and wakes who waits for it. Cancelled, it goes on: who is to be woken is.
    pub(crate) async fn commit(
        mut self,
        wake: Option<watch::Sender<u64>>,
    ) -> Result<(), StoreError> {
        let connection = self.connection.take();
        let committing = tokio::spawn(async move {
            let mut connection = connection.ok_or_else(over)?;
            let committed = connection.script("COMMIT").await;
            if let Some(outbox) = wake {
                // Also where the answer was lost: it may have been done.
                outbox.send_modify(|commits| *commits = commits.wrapping_add(1));
            }
            committed
        });
        committing.await.unwrap_or_else(|error| {
            Err(StoreError::unavailable(format!("the commit's outcome isn't known: {error}")))
        })
    }

    fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        self.connection.as_mut().ok_or_else(over)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if !connection.is_known() {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(async move { connection.script("ROLLBACK").await });
            }
            Err(_) => connection.give_up(),
        }
    }
}

fn stays_open(sql: &str) -> Result<(), StoreError> {
    if statements::is_about_transactions(sql) {
        return Err(StoreError::statement(sql, "it ended the transaction: use commit, or drop it"));
    }
    Ok(())
}

fn over() -> StoreError {
    StoreError::Over { why: "it was committed or dropped".to_owned(), cause: None }
}
