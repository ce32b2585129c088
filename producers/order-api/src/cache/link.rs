//! One connection to Redis: there or not, and nobody waits to find out.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, RedisError as Refused, aio::MultiplexedConnection, cmd,
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use crate::events;

/// What connecting may take, or an answer to whether it is there.
const PATIENCE: Duration = Duration::from_secs(1);
/// First and longest wait between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MOST_PAUSE: Duration = Duration::from_secs(2);
/// A connection that nobody has used may be dead: it is asked so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Link {
    client: Client,
    state: Mutex<State>,
    lost: Notify,
}

struct State {
    connection: Option<MultiplexedConnection>,
    trouble: String,
}

impl Link {
    pub(super) fn to(client: Client) -> Self {
        let state = State { connection: None, trouble: "it isn't connected yet".to_owned() };
        Self { client, state: Mutex::new(state), lost: Notify::new() }
    }

    /// `None` while it is away.
    pub(super) fn connection(&self) -> Option<MultiplexedConnection> {
        self.state().connection.clone()
    }

    /// It is left alone until it answers again.
    pub(super) fn failed<T>(&self, why: &str) -> Option<T> {
        let mut state = self.state();
        why.clone_into(&mut state.trouble);
        if state.connection.take().is_some() {
            events::redis_away(why);
            self.lost.notify_one();
        }
        None
    }

    /// Why it isn't used; `None`: it is.
    pub(super) fn trouble(&self) -> Option<String> {
        let state = self.state();
        state.connection.is_none().then(|| state.trouble.clone())
    }

    /// Connects again and again; never ends by itself.
    pub(super) async fn keep_connected(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match timeout(PATIENCE, self.connect()).await {
                Ok(Ok(connection)) => {
                    pause = FIRST_PAUSE;
                    self.state().connection = Some(connection);
                    events::redis_there();
                    self.watch().await;
                }
                Ok(Err(error)) => self.note(&error.to_string()),
                Err(_) => self.note("it doesn't answer in time"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(MOST_PAUSE);
        }
    }

    /// Until it is lost.
    async fn watch(&self) {
        loop {
            if timeout(LOOK_EVERY, self.lost.notified()).await.is_ok() {
                return;
            }
            let Some(mut connection) = self.connection() else { return };
            let failed = match timeout(PATIENCE, ping(&mut connection)).await {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it doesn't answer in time".to_owned(),
            };
            let _: Option<()> = self.failed(&failed);
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, Refused> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connecting.await?;
        // What was stopped takes connections all the same.
        ping(&mut connection).await?;
        Ok(connection)
    }

    fn note(&self, why: &str) {
        why.clone_into(&mut self.state().trouble);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ping(connection: &mut MultiplexedConnection) -> Result<(), Refused> {
    cmd("PING").query_async(connection).await
}
