//! order-api as a process of its own. Before its parts are there it answers, too: 503.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use orderly_sdk::{Config, Health, wait_out};
use orderly_stores::Database;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Failed, turned_away};
use crate::args::OrderApiArgs;

/// Within this a POST is answered.
const DEADLINE: Duration = Duration::from_secs(10);
/// What the last answers before the start may take.
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
        let mut answering =
            tokio::spawn(turned_away::serve(meanwhile, health.clone(), connected.clone()));
        let connecting =
            wait_out(&health, || order_api::connect(&config, &database, DEADLINE, &health));
        let emitter = shutdown.run_until_cancelled(connecting).await;
        connected.cancel();
        // A caller who never sends the rest of a request doesn't hold up the start.
        if tokio::time::timeout(LAST_ANSWERS, &mut answering).await.is_err() {
            answering.abort();
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
