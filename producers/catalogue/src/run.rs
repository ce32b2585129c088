//! From start to a graceful end.

use std::{
    io,
    pin::pin,
    sync::{Arc, OnceLock},
};

use orderly_sdk::{
    codec::{Encoders, RegisterError, Registry, RegistryError},
    wait_out,
};
use orderly_stores::{StoreError, outbox};
use orderly_web::{Bounds, serve_until};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    routes::{self, Service},
    settings::{Settings, declares},
    tables,
};

/// Serves until `shutdown`, then lets the requests finish that are being worked on. At the start
/// parts that are away are waited for, and whoever asks meanwhile is answered 503.
pub async fn run(
    settings: Settings,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let encoders = Arc::new(OnceLock::new());
    let service = Service { database: settings.database.clone(), encoders: Arc::clone(&encoders) };
    let router = routes::router(service, &settings);
    let bounds = Bounds::default();
    let mut serving = pin!(serve_until(listener, router, &bounds, &shutdown));
    let getting_ready = wait_out(&settings.health, || get_ready(&settings));
    tokio::select! {
        served = &mut serving => return served.map_err(Error::Http),
        ready = getting_ready => {
            let _ = encoders.set(ready?);
        }
    }
    settings.health.started();
    let following = async {
        settings.keys.follow_until(shutdown.clone()).await;
        // Without a file it is over at once, which is no reason to end.
        std::future::pending().await
    };
    tokio::select! {
        served = serving => served.map_err(Error::Http),
        ended = following => ended,
    }
}

/// Its tables, the outbox's, and the schemas of what it emits.
async fn get_ready(settings: &Settings) -> Result<Encoders, Error> {
    let Settings { config, database, .. } = settings;
    tables::prepare(database).await?;
    outbox::prepare(database).await?;
    Ok(declares().register(config, &Registry::new(config)?).await?)
}

/// Why the service can't start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// What it emits can't be registered.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The server failed.
    #[error("catalogue: serving HTTP")]
    Http(#[source] io::Error),
}
