//! The service: its members, the walker of stages, and who settles payments.

use std::sync::Arc;

use chrono::Utc;
use orderly_schemas::{
    OrderCancellationRefused, OrderCancelled, OrderCompleted, OrderConfirmed, OrderRefunded,
    OrderRejected, ReadyForPickup, StageCompleted, StageQueued, StageStarted, StockCounted,
};
use orderly_sdk::{
    Config, Event,
    codec::{Declared, Encoders, RegisterError, Registry, RegistryError},
    consume::{ConsumeError, Consumer, Exhausted, Limits, RetryPolicy, SideBySide},
    kafka::{KafkaError, Probe},
    view::ViewError,
    wait_out,
};
use orderly_stores::{ByTopic, Inbox, Positions, StoreError};
use tokio_util::sync::CancellationToken;

use crate::{
    NAME,
    asked::Asked,
    counts::Counts,
    customers::Customers,
    kitchen::PlaceRow,
    payments::{Settling, settle_until},
    settings::{Rules, Settings},
    tables::MIGRATIONS,
    walk_stages::Walker,
};

/// The topics whose position is kept in the database: how far they were read is a fact for others.
const KEPT: &[&str] = &[StockCounted::TOPIC];

/// Orders that are taken on in one transaction, at most.
const BATCH: usize = 100;

/// The handlers' state, shared by the members.
#[derive(Clone)]
pub(crate) struct Fulfilment {
    pub(crate) rules: Arc<Rules>,
    pub(crate) encoders: Encoders,
    pub(crate) counts: Arc<Counts>,
    pub(crate) customers: Arc<Customers>,
}

/// What it emits.
pub fn declares() -> Declared {
    Encoders::of(NAME)
        .event::<OrderConfirmed>()
        .event::<OrderRejected>()
        .event::<StageQueued>()
        .event::<StageStarted>()
        .event::<StageCompleted>()
        .event::<ReadyForPickup>()
        .event::<OrderCompleted>()
        .event::<OrderCancelled>()
        .event::<OrderCancellationRefused>()
        .event::<OrderRefunded>()
}

/// Runs until `shutdown`, or until a member can't go on. Parts that are away are waited for, also
/// at the start.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> Result<(), FulfilmentError> {
    let getting_ready = wait_out(&settings.health, || get_ready(&settings));
    let Some(ready) = shutdown.run_until_cancelled(getting_ready).await else {
        return Ok(());
    };
    let Ready { scope, encoders, counts, customers } = ready?;
    if shutdown.run_until_cancelled(customers.read_once()).await.is_none() {
        return Ok(());
    }
    let Settings { config, database, members, rules, provider, health } = settings;
    let (stages, rules) = (rules.stages.clone(), Arc::new(rules));
    let fulfilment = Fulfilment {
        rules: Arc::clone(&rules),
        encoders: encoders.clone(),
        counts: Arc::new(counts),
        customers: Arc::new(customers),
    };
    let mut service = SideBySide::until(&shutdown, &health);
    for _ in 0..members {
        service.member(
            Consumer::new(NAME, &config)
                .within(scope.clone())
                .limited(Limits { batch_records: BATCH, ..Limits::small() })
                // What is refused for good, as collecting what isn't ready, changes no order; what
                // can't be done holds up its order.
                .retrying(RetryPolicy { rejected: Exhausted::Skip, ..RetryPolicy::default() })
                .in_batches::<Asked>(fulfilment.clone()),
        );
    }
    let settling =
        Settling { database: database.clone(), encoders: encoders.clone(), provider, rules };
    let walker = Walker { database, encoders, stages };
    let healthy = health.clone();
    service.also(|stop| async move {
        settle_until(settling, healthy, stop).await;
        Ok(())
    });
    service.also(|stop| async move {
        walker.walk(&health, &stop).await;
        Ok(())
    });
    service.ended().await
}

struct Ready {
    scope: ByTopic,
    encoders: Encoders,
    counts: Counts,
    customers: Customers,
}

/// Its tables, the schemas of what it emits, and what it must know of the topics.
async fn get_ready(settings: &Settings) -> Result<Ready, FulfilmentError> {
    let Settings { config, database, rules, health, .. } = settings;
    database.migrate(NAME, MIGRATIONS).await?;
    PlaceRow::set_up(database, &rules.stages, Utc::now()).await?;
    let inbox = Inbox::new(database.clone());
    inbox.prepare().await?;
    let registry = Registry::new(config)?;
    let encoders = declares().register(config, &registry).await?;
    let (probe, partitions, cluster_id) = ask(config).await?;
    let positions =
        Positions::new(database.clone(), &cluster_id).telling_topics_apart(probe.clone());
    positions.prepare().await?;
    let scope = ByTopic::new(KEPT, positions, inbox);
    let counts = Counts::new(probe, partitions);
    let customers = Customers::follow(config, &rules.promotions, health).await?;
    Ok(Ready { scope, encoders, counts, customers })
}

async fn ask(config: &Config) -> Result<(Probe, i32, String), KafkaError> {
    let probe = Probe::new(config)?;
    let partitions = probe.partitions(StockCounted::TOPIC).await?;
    let cluster_id = probe.cluster_id().await?;
    Ok((probe, partitions, cluster_id))
}

/// Why fulfilment can't start or go on.
#[derive(Debug, thiserror::Error)]
pub enum FulfilmentError {
    /// Its database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The customers can't be followed.
    #[error(transparent)]
    View(#[from] ViewError),
    /// What it emits can't be registered.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// A member of its group.
    #[error(transparent)]
    Consume(#[from] ConsumeError),
}
