//! From start to a graceful end.

use std::{sync::Arc, time::Duration};

use orderly_sdk::wait_out;
use orderly_stores::{Database, StoreError};
use orderly_web::{Bounds, serve_until};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cache::OrderCache,
    history::History,
    idempotency::{self, Records},
    live::LiveBounds,
    menu::Menu,
    notifications::Notifications,
    placing::Placing,
    routes::{self, Service},
    settings::Settings,
};

/// A connection that is silent for longer than this is closed.
const SILENCE: Duration = Duration::from_secs(60);
/// What the end may take beyond the requests' deadline.
const GRACE: Duration = Duration::from_secs(2);

/// Makes the tables ready.
pub(crate) async fn prepare(database: &Database) -> Result<(), StoreError> {
    database.migrate("order-api", idempotency::MIGRATIONS).await
}

/// Serves until `shutdown`: then takes no more connections, lets the requests finish that are
/// being worked on (for their deadline and 2 s at most), and waits for what was emitted. At the
/// start a database that is away is waited for.
pub async fn serve(
    settings: Settings,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let history = History::new(&settings.history, settings.history_timeout)
        .map_err(|error| ServeError::Settings(error.to_string()))?;
    let notifications = settings.notifications.as_deref();
    let notifications = notifications
        .map(|base| Notifications::new(base, settings.history_timeout))
        .transpose()
        .map_err(|error| ServeError::Settings(error.to_string()))?;
    let health = settings.emitter.health().clone();
    match shutdown.run_until_cancelled(wait_out(&health, || prepare(&settings.database))).await {
        Some(migrated) => migrated.map_err(ServeError::Database)?,
        None => return Ok(()),
    }
    health.started();
    let records = Records::new(settings.database.clone(), settings.keep_answers);
    let grace = settings.deadline + GRACE;
    let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
    let placing = Placing {
        emitter: settings.emitter.clone(),
        records: records.clone(),
        prices: settings.prices.clone(),
        deadline: settings.deadline,
        tasks: tasks.clone(),
        closing: closing.clone(),
    };
    tasks.spawn(idempotency::purge_until(records.clone(), shutdown.clone()));
    tasks.spawn(settings.keys.clone().follow_until(shutdown.clone()));
    tasks.spawn(idempotency::watch_until(records, health, shutdown.clone()));
    let (entries, bytes) = settings.most_kept;
    let cache = OrderCache::new(history.clone(), settings.redis.clone(), entries, bytes);
    tasks.spawn(cache.clone().keep_until(shutdown.clone()));
    let mut streams = 0;
    if let Some(live) = settings.live.clone() {
        let LiveBounds { most_streams, most_kitchen_streams, .. } = live.bounds();
        streams = most_streams.saturating_add(*most_kitchen_streams);
        tasks.spawn(live.read_until(cache.clone(), shutdown.clone()));
    }
    let room = Arc::new(Semaphore::new(settings.most_requests));
    let bounds = Bounds {
        most_connections: settings.most_connections.saturating_add(streams),
        silence: SILENCE.max(settings.deadline * 2),
        grace,
    };
    let emitter = settings.emitter.clone();
    let menu = Menu::of(&settings.prices);
    let service = Service {
        placing,
        history,
        cache,
        notifications,
        menu,
        settings,
        shutdown: shutdown.clone(),
    };
    let router = routes::router(Arc::new(service), room);

    serve_until(listener, router, &bounds, &shutdown).await.map_err(ServeError::Http)?;
    tasks.close();
    // What is in a pause between two tries is not tried again.
    closing.cancel();
    if timeout(grace, tasks.wait()).await.is_err() {
        tracing::warn!(left = tasks.len(), "work behind requests is given up");
    }
    if emitter.flush(grace).await { Ok(()) } else { Err(ServeError::Unflushed) }
}

/// Why the service didn't start, or didn't end well.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A setting can't be used.
    #[error("order-api: {0}")]
    Settings(String),
    /// Its tables can't be made ready.
    #[error("order-api: the database can't be made ready")]
    Database(#[source] StoreError),
    /// The server failed.
    #[error("order-api: serving HTTP")]
    Http(#[source] std::io::Error),
    /// Events were still on their way at the end; their callers were told that the outcome is
    /// unknown.
    #[error("order-api ended with events whose outcome isn't known")]
    Unflushed,
}
