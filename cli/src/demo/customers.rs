//! The demo's customers collect what is ready: simulated, as nobody's real customers are here.

use chrono::TimeDelta;
use orderly_schemas::OrderCollected;
use orderly_sdk::{
    Config, EventId, Health,
    codec::{Encoders, RegisterError, Registry, RegistryError},
    emit::{EmitSettings, Emitter},
    kafka::KafkaError,
};
use tokio::{sync::mpsc, task::JoinSet};

use super::{observe::Ready, outlast::outlast};

/// Customers under way at once.
const MOST_UNDER_WAY: usize = 1_000;
/// How long after it was ready an order of the past was collected.
const HISTORIC_WALK: TimeDelta = TimeDelta::minutes(5);

/// Emits OrderCollected for each order that is ready, until there are no more to come.
pub(super) async fn collect(
    config: &Config,
    mut ready: mpsc::Receiver<Ready>,
    waiting: &Health,
) -> Result<(), CustomersError> {
    let emitter = outlast(waiting, || connect(config)).await?;
    let mut under_way = JoinSet::new();
    while let Some(ready) = ready.recv().await {
        if under_way.len() >= MOST_UNDER_WAY {
            under_way.join_next().await;
        }
        let emitter = emitter.clone();
        under_way.spawn(async move { collect_one(&emitter, ready).await });
    }
    while under_way.join_next().await.is_some() {}
    Ok(())
}

async fn connect(config: &Config) -> Result<Emitter, CustomersError> {
    let registry = Registry::new(config)?;
    let declared = Encoders::of("demo-customers").event::<OrderCollected>();
    let encoders = declared.register(config, &registry).await?;
    Ok(Emitter::connect(config, encoders, EmitSettings::default()).await?)
}

async fn collect_one(emitter: &Emitter, ready: Ready) {
    let mut meta = ready.meta.caused(emitter.encoders().source());
    if meta.historic {
        meta = meta.at(ready.meta.time + HISTORIC_WALK);
    }
    // Told twice that it is ready, a customer collects once.
    meta.id = EventId::derived(&["demo-customers", &ready.meta.id.to_string()]);
    let event = OrderCollected { order_id: ready.order_id };
    while let Err(error) = emitter.emit_as(&event, &meta).await {
        tracing::warn!(%error, "collected again under the same id");
    }
}

/// Why nobody can collect.
#[derive(Debug, thiserror::Error)]
pub enum CustomersError {
    /// Kafka.
    #[error("the demo's customers")]
    Kafka(#[from] KafkaError),
    /// The registry.
    #[error("the demo's customers")]
    Registry(#[from] RegistryError),
    /// What they emit.
    #[error("the demo's customers")]
    Register(#[from] RegisterError),
}
