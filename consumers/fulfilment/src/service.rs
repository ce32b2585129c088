//! The service: its members and the walker of stages.

use std::sync::Arc;

use orderly_schemas::{
    OrderCollected, OrderCompleted, OrderConfirmed, OrderPlaced, OrderRejected, ReadyForPickup,
    StageCompleted, StageStarted,
};
use orderly_sdk::{
    Config,
    codec::{Declared, Encoders, RegisterError, Registry, RegistryError},
    consume::{ConsumeError, Consumer},
};
use orderly_stores::{Database, Inbox, StoreError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{NAME, stages::Stages, tables::MIGRATIONS, walk_stages::walk};

/// What fulfilment needs.
#[derive(Clone)]
pub struct Settings {
    /// Kafka and the registry.
    pub config: Config,
    /// Its own tables, inbox and outbox.
    pub database: Database,
    /// Members of the group to run.
    pub members: usize,
    /// What every order goes through.
    pub stages: Stages,
}

/// The handlers' state, shared by the members.
#[derive(Clone)]
pub(crate) struct Fulfilment {
    pub(crate) stages: Arc<Stages>,
}

/// What it emits.
pub fn declares() -> Declared {
    Encoders::of(NAME)
        .event::<OrderConfirmed>()
        .event::<OrderRejected>()
        .event::<StageStarted>()
        .event::<StageCompleted>()
        .event::<ReadyForPickup>()
        .event::<OrderCompleted>()
}

/// Runs until `shutdown`, or until a member can't go on.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> Result<(), FulfilmentError> {
    let Settings { config, database, members, stages } = settings;
    database.migrate(NAME, MIGRATIONS).await?;
    let inbox = Inbox::new(database.clone());
    inbox.prepare().await?;
    let registry = Registry::new(&config)?;
    let encoders = declares().register(&config, &registry).await?;
    let fulfilment = Fulfilment { stages: Arc::new(stages) };
    // Whichever member fails first ends the others, too.
    let stopping = shutdown.child_token();
    let mut running = JoinSet::new();
    for _ in 0..members {
        let consumer = Consumer::new(NAME, &config)
            .within(inbox.clone())
            .emitting(encoders.clone())
            .on::<OrderPlaced>(fulfilment.clone())
            .on::<OrderCollected>(fulfilment.clone());
        let stop = stopping.clone();
        running.spawn(async move { consumer.run_until(stop.cancelled()).await });
    }
    let stop = stopping.clone();
    running.spawn(async move {
        walk(&database, &encoders, &stop).await;
        Ok(())
    });
    let mut ended = Ok(());
    while let Some(one) = running.join_next().await {
        let one = one.unwrap_or_else(|panic| Err(ConsumeError::Thread(panic.to_string())));
        if one.is_err() {
            stopping.cancel();
            ended = ended.and(one);
        }
    }
    Ok(ended?)
}

/// Why fulfilment can't start or go on.
#[derive(Debug, thiserror::Error)]
pub enum FulfilmentError {
    /// Its database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// What it emits can't be registered.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// A member of its group.
    #[error(transparent)]
    Consume(#[from] ConsumeError),
}
