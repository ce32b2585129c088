//! order-api as a process of its own. Before its parts are there it answers, too: 503.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use order_api::{Live, LiveBounds, LiveError, Prices};
use orderly_sdk::{
    Config, Health,
    view::{View, ViewError, ViewSettings},
    wait_out,
};
use orderly_stores::Database;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Failed, keys, turned_away};
use crate::args::{OrderApiArgs, PricesFrom};

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
    let keys = keys(&args.callers)?;
    let redis = args.redis.clone().or_environment(&config.prefix)?;
    let listener = listener.into_std()?;
    let (emitter, prices, live) = {
        let connected = shutdown.child_token();
        let meanwhile = TcpListener::from_std(listener.try_clone()?)?;
        let mut answering =
            tokio::spawn(turned_away::serve(meanwhile, health.clone(), connected.clone()));
        let connecting = async {
            let connect = || order_api::connect(&config, &database, DEADLINE, &health);
            let emitter = wait_out(&health, connect).await?;
            let prices = prices(args.prices, &config, &health).await?;
            Ok::<_, Failed>((emitter, prices, live(args.max_streams, &config, &health).await?))
        };
        let parts = shutdown.run_until_cancelled(connecting).await;
        connected.cancel();
        // A caller who never sends the rest of a request doesn't hold up the start.
        if tokio::time::timeout(LAST_ANSWERS, &mut answering).await.is_err() {
            answering.abort();
        }
        match parts {
            Some(parts) => parts?,
            None => return Ok(()),
        }
    };
    let mut settings = order_api::Settings::new(emitter, database, args.history.clone());
    settings.notifications = args.notifications.clone();
    settings.prices = prices;
    settings.live = Some(live);
    settings.redis = redis;
    settings.metrics = Some(metrics);
    settings.keys = keys;
    settings.deadline = DEADLINE;
    Ok(order_api::serve(settings, TcpListener::from_std(listener)?, shutdown).await?)
}

/// Orders can be followed live, by so many at once.
pub(crate) async fn live(
    most_streams: usize,
    config: &Config,
    health: &Health,
) -> Result<Live, LiveError> {
    let bounds = LiveBounds { most_streams, ..LiveBounds::default() };
    wait_out(health, || Live::connect(config, bounds.clone(), health)).await
}

/// The catalogue is followed from here on; until it is read, orders are answered 503.
pub(crate) async fn prices(
    from: PricesFrom,
    config: &Config,
    health: &Health,
) -> Result<Prices, ViewError> {
    match from {
        PricesFrom::AsGiven => Ok(Prices::AsGiven),
        PricesFrom::Catalogue => {
            let follow = || {
                let settings = ViewSettings { health: health.clone(), ..ViewSettings::default() };
                View::follow(config, settings)
            };
            Ok(Prices::Catalogue(wait_out(health, follow).await?))
        }
    }
}
