//! order-api as a process of its own. Before its parts are there it answers, too: 503.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use orderly_sdk::{
    Config, Health,
    codec::{RegisterError, Registry, RegistryError},
    emit::{EmitSettings, Emitter},
    kafka::KafkaError,
    wait_out,
};
use orderly_stores::Database;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Failed, turned_away};
use crate::args::OrderApiArgs;

/// Within this a POST is answered.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long requests from before the start may go on behind it.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

pub(super) async fn run(
    args: &OrderApiArgs,
    config: Config,
    database: Database,
    listener: TcpListener,
    metrics: PrometheusHandle,
    health: Health,
    shutdown: CancellationToken,
) -> Result<(), Failed> {
    let listener = listener.into_std()?;
    let emitter = {
        let connected = shutdown.child_token();
        let meanwhile = TcpListener::from_std(listener.try_clone()?)?;
        let answering =
            tokio::spawn(turned_away::serve(meanwhile, health.clone(), connected.clone()));
        let connecting = wait_out(&health, || connect(&config, &health));
        let emitter = shutdown.run_until_cancelled(connecting).await;
        connected.cancel();
        // A request that never ends mustn't keep the service from its start or its end.
        let cut = answering.abort_handle();
        if tokio::time::timeout(LAST_ANSWERS, answering).await.is_err() {
            cut.abort();
        }
        match emitter {
            Some(emitter) => emitter?,
            None => return Ok(()),
        }
    };
    let mut settings = order_api::Settings::new(emitter, database, args.history.clone());
    settings.metrics = Some(metrics);
    settings.deadline = DEADLINE;
    Ok(order_api::serve(settings, TcpListener::from_std(listener)?, shutdown).await?)
}

async fn connect(config: &Config, health: &Health) -> Result<Emitter, ConnectError> {
    let registry = Registry::new(config)?;
    let encoders = order_api::declares().register(config, &registry).await?;
    let settings = EmitSettings { health: health.clone(), ..order_api::emit_settings(DEADLINE) };
    Ok(Emitter::connect(config, encoders, settings).await?)
}

/// Why it can't emit.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Register(#[from] RegisterError),
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}
