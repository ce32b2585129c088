//! Members of the group and the API, until shutdown.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use orderly_sdk::{
    codec::{Encoders, RegisterError, Registry, RegistryError},
    consume::{ConsumeError, Consumer, Exhausted, RetryPolicy, SideBySide},
    kafka::{KafkaError, Probe},
    wait_out,
};
use orderly_stores::{Positions, StoreError, outbox};
use orderly_web::{Bounds, serve_until};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    erase::erase_until,
    record_orders::{Ordered, RecordOrders},
    routes::{self, Service},
    settings::{NAME, Settings, declares},
    tables,
};

/// Runs until `shutdown`, then drains, commits and leaves the group, and lets the requests finish
/// that are being worked on. A part that fails ends the others. What is away at the start is waited
/// for; who asks meanwhile is answered 503.
pub async fn run(
    settings: Settings,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let encoders = Arc::new(OnceLock::new());
    let answering =
        Service { database: settings.database.clone(), encoders: Arc::clone(&encoders) };
    let router = routes::router(answering, &settings);
    let mut service = SideBySide::until(&shutdown, &settings.health);
    service.also(|stop| async move {
        serve_until(listener, router, &Bounds::default(), &stop).await.map_err(Error::Http)
    });
    let keys = settings.keys.clone();
    service.also(|stop| async move {
        keys.follow_until(stop.clone()).await;
        // Without a file it is over at once, which is no reason to end.
        stop.cancelled().await;
        Ok(())
    });
    let getting_ready = wait_out(&settings.health, || get_ready(&settings));
    let Some(ready) = shutdown.run_until_cancelled(getting_ready).await else {
        return service.ended().await;
    };
    let ready = ready?;
    let probe = Probe::new(&settings.config)?;
    for _ in 0..settings.members {
        // Each member has its own idea of where it is, so that it notices when it was overtaken.
        let positions = Positions::new(settings.database.clone(), &settings.cluster_id)
            .telling_topics_apart(probe.clone());
        service.member(
            Consumer::new(NAME, &settings.config)
                .within(positions)
                .limited(settings.limits.clone())
                // What can't be read names no order that could be waited for.
                .retrying(RetryPolicy { rejected: Exhausted::Skip, ..RetryPolicy::default() })
                .in_batches::<Ordered>(RecordOrders::telling_by(ready.clone())),
        );
    }
    let (database, telling) = (settings.database.clone(), ready.clone());
    service.also(|stop| async move {
        erase_until(database, telling, stop).await;
        Ok(())
    });
    // Nobody sets it but this.
    let _ = encoders.set(ready);
    service.ended().await
}

/// Its tables, the outbox's, the positions', and the schemas of what it emits.
async fn get_ready(settings: &Settings) -> Result<Encoders, Error> {
    let Settings { config, database, cluster_id, .. } = settings;
    tables::prepare(database).await?;
    outbox::prepare(database).await?;
    Positions::new(database.clone(), cluster_id).prepare().await?;
    Ok(declares().register(config, &Registry::new(config)?).await?)
}

/// Why the service can't start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Kafka's client.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// What it emits can't be registered.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// A member of the group.
    #[error("a member of group `users` ended")]
    Consume(#[from] ConsumeError),
    /// The server failed.
    #[error("users: serving HTTP")]
    Http(#[source] io::Error),
}
