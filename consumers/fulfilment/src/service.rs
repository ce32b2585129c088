//! The service: its members and the walker of stages.

use std::sync::Arc;

use orderly_schemas::{
    OrderCollected, OrderCompleted, OrderConfirmed, OrderPlaced, OrderRejected, ReadyForPickup,
    StageCompleted, StageStarted,
};
use orderly_sdk::{
    Config, Health,
    codec::{Declared, Encoders, RegisterError, Registry, RegistryError},
    consume::{ConsumeError, Consumer, Exhausted, RetryPolicy, SideBySide},
    wait_out,
};
use orderly_stores::{Database, Inbox, StoreError};
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
    /// Told which parts are away, and that members have joined.
    pub health: Health,
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

/// Runs until `shutdown`, or until a member can't go on. Parts that are away are waited for, also
/// at the start.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> Result<(), FulfilmentError> {
    let getting_ready = wait_out(&settings.health, || get_ready(&settings));
    let Some(ready) = shutdown.run_until_cancelled(getting_ready).await else {
        return Ok(());
    };
    let (inbox, encoders) = ready?;
    let Settings { config, database, members, stages, health } = settings;
    let fulfilment = Fulfilment { stages: Arc::new(stages) };
    let mut service = SideBySide::until(&shutdown, &health);
    for _ in 0..members {
        service.member(
            Consumer::new(NAME, &config)
                .within(inbox.clone())
                .emitting(encoders.clone())
                // What is refused for good, as collecting what isn't ready, changes no order; what
                // can't be done holds up its order.
                .retrying(RetryPolicy { rejected: Exhausted::Skip, ..RetryPolicy::default() })
                .on::<OrderPlaced>(fulfilment.clone())
                .on::<OrderCollected>(fulfilment.clone()),
        );
    }
    service.also(|stop| async move {
        walk(&database, &encoders, &health, &stop).await;
        Ok(())
    });
    service.ended().await
}

/// Its tables, and the schemas of what it emits.
async fn get_ready(settings: &Settings) -> Result<(Inbox, Encoders), FulfilmentError> {
    settings.database.migrate(NAME, MIGRATIONS).await?;
    let inbox = Inbox::new(settings.database.clone());
    inbox.prepare().await?;
    let registry = Registry::new(&settings.config)?;
    Ok((inbox, declares().register(&settings.config, &registry).await?))
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
