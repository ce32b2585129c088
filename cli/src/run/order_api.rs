//! order-api as a process of its own. Before its parts are there it answers, too: 503.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use orderly_sdk::{
    Config, Health,
    codec::Registry,
    emit::{EmitSettings, Emitter},
};
use orderly_stores::Database;
use std::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Failed, turned_away, while_away};
use crate::args::OrderApiArgs;

/// Within this a POST is answered.
const DEADLINE: Duration = Duration::from_secs(10);

pub(super) async fn run(
    args: OrderApiArgs,
    config: Config,
    database: Database,
    listener: &TcpListener,
    metrics: PrometheusHandle,
    health: &Health,
    shutdown: &CancellationToken,
) -> Result<(), Failed> {
    while_away(health, shutdown, async || {
        let emitter = {
            let started = CancellationToken::new();
            let stop = started.child_token();
            let meanwhile =
                tokio::spawn(turned_away::serve(super::copy(listener)?, health.clone(), stop));
            let connected = shutdown.run_until_cancelled(connect(&config, health)).await;
            started.cancel();
            let _ = meanwhile.await;
            match connected {
                Some(emitter) => emitter?,
                None => return Ok(()),
            }
        };
        let mut settings =
            order_api::Settings::new(emitter, database.clone(), args.history.clone());
        settings.metrics = Some(metrics.clone());
        let listener = super::copy(listener)?;
        Ok(order_api::serve(settings, listener, shutdown.clone()).await?)
    })
    .await
}

async fn connect(config: &Config, health: &Health) -> Result<Emitter, Failed> {
    let registry = Registry::new(config)?;
    let encoders = order_api::declares().register(config, &registry).await?;
    let emit = EmitSettings { health: health.clone(), ..order_api::emit_settings(DEADLINE) };
    Ok(Emitter::connect(config, encoders, emit).await?)
}
