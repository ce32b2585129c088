//! Connections: as many as the pool has, each in use by one caller, and thrown away where nobody
//! knows what state it is in.

use std::time::Duration;

use deadpool_postgres::{
    Client, Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime,
};
use tokio::time::timeout;
use tokio_postgres::NoTls;

use super::{Limits, errors, statements, url::Target};
use crate::{Row, StoreError, Value, error::shorten};

pub(super) struct Connections {
    pool: Pool,
    limits: Limits,
    server: String,
}

impl Connections {
    pub(super) fn for_transactions(target: &Target) -> Result<Self, StoreError> {
        Self::new(target, target.limits.pool_size, "off")
    }

    /// What they run can't write.
    pub(super) fn for_reads(target: &Target) -> Result<Self, StoreError> {
        Self::new(target, target.limits.pool_size.div_ceil(2), "on")
    }

    fn new(target: &Target, size: usize, read_only: &str) -> Result<Self, StoreError> {
        let Target { config, limits, name } = target;
        let manager = Manager::from_config(
            config.clone(),
            NoTls,
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let settings = settings(limits, read_only);
        let prepare = Hook::async_fn(move |client, _| {
            let settings = settings.clone();
            Box::pin(
                async move { client.batch_execute(&settings).await.map_err(HookError::Backend) },
            )
        });
        let pool = Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(limits.connect))
            .create_timeout(Some(limits.connect))
            .recycle_timeout(Some(limits.connect))
            .post_create(prepare)
            .build()
            .map_err(|error| StoreError::unavailable(error.to_string()))?;
        Ok(Self { pool, limits: *limits, server: name.clone() })
    }

    /// A connection, free or new.
    pub(super) async fn take(&self) -> Result<Connection, StoreError> {
        // Waiting, connecting and setting the session up.
        let longest = self.limits.connect * 3;
        let client = match timeout(longest, self.pool.get()).await {
            Ok(client) => client.map_err(|error| errors::from_connecting(&self.server, &error))?,
            Err(_) => {
                return Err(StoreError::unavailable(format!(
                    "Postgres {}: connecting took too long",
                    self.server
                )));
            }
        };
        Ok(Connection { client: Some(client), is_known: true, call: self.limits.call() })
    }
}

fn settings(limits: &Limits, read_only: &str) -> String {
    let Limits { statement, locked, idle, .. } = limits;
    // Plans are made for the values at hand: one that was made while a table was small would stay
    // while it grows.
    format!(
        "SET statement_timeout = {}; SET lock_timeout = {};
         SET idle_in_transaction_session_timeout = {}; SET client_connection_check_interval = 1000;
         SET default_transaction_read_only = {read_only};
         SET default_transaction_isolation = 'read committed';
         SET plan_cache_mode = force_custom_plan",
        statement.as_millis(),
        locked.as_millis(),
        idle.as_millis()
    )
}

/// One connection in use. It goes back to the pool only if its last call was answered well: after
/// an error, a timeout or a cancelled call it is closed, which ends what it had begun.
pub(super) struct Connection {
    client: Option<Client>,
    is_known: bool,
    call: Duration,
}

impl Connection {
    pub(super) fn is_known(&self) -> bool {
        self.is_known
    }

    /// Closes it when it is dropped.
    pub(super) fn give_up(&mut self) {
        self.is_known = false;
    }

    /// Lets each call take this long from here on.
    pub(super) fn allow(&mut self, call: Duration) {
        self.call = call;
    }

    pub(super) async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        self.call(sql, async |client| statements::execute(client, sql, values).await).await
    }

    pub(super) async fn execute_many(
        &mut self,
        sql: &str,
        rows: &[Vec<Value>],
    ) -> Result<u64, StoreError> {
        self.call(sql, async |client| statements::execute_many(client, sql, rows).await).await
    }

    pub(super) async fn query_many(
        &mut self,
        sql: &str,
        rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, StoreError> {
        self.call(sql, async |client| statements::query_many(client, sql, rows).await).await
    }

    pub(super) async fn query(
        &mut self,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        self.call(sql, async |client| statements::query(client, sql, values).await).await
    }

    pub(super) async fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.call(sql, async |client| statements::script(client, sql).await).await
    }

    async fn call<T>(
        &mut self,
        sql: &str,
        run: impl AsyncFnOnce(&Client) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let client = match &self.client {
            Some(client) if self.is_known => client,
            _ => return Err(StoreError::unavailable("the connection was given up")),
        };
        // Stands if this call is cancelled.
        self.is_known = false;
        let answer = match timeout(self.call, run(client)).await {
            Ok(answer) => answer,
            Err(_) => Err(StoreError::unavailable(format!(
                "no answer within {} s to `{}`",
                self.call.as_secs_f32(),
                shorten(sql)
            ))),
        };
        self.is_known = answer.is_ok();
        answer
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.is_known
            && let Some(client) = self.client.take()
        {
            // Taken out of the pool, it is closed.
            drop(Client::take(client));
        }
    }
}
