//! One service as a process of its own: started when its parts are there, ended by SIGTERM.

mod fulfilment_rules;
mod notification_ways;
mod ops;
pub(crate) mod order_api;
mod turned_away;

use std::{error::Error, io, net::SocketAddr};

use metrics_exporter_prometheus::PrometheusHandle;
use notifications::Mail;
use orderly_sdk::{Config, Health, kafka::Probe, topics::Topics, wait_out};
use orderly_stores::Database;
use orderly_web::ApiKeys;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    args::{CallersArgs, ServiceArgs},
    platform::chain,
};

/// What every service is started with.
pub struct Common {
    /// Kafka and the registry.
    pub config: Config,
    /// Its database.
    pub database: Database,
    /// The topics.
    pub topics: Topics,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
}

/// A service whose addresses are bound.
pub struct Bound {
    service: ServiceArgs,
    listener: Option<TcpListener>,
    ops: TcpListener,
}

/// What only its start would tell of its arguments, and is told before anything is started.
pub fn check(service: &ServiceArgs) -> Result<(), String> {
    match service {
        ServiceArgs::Fulfilment(args) => {
            fulfilment_rules::check(args).map_err(|error| format!("fulfilment: {}", chain(&*error)))
        }
        ServiceArgs::Notifications(args) => notification_ways::check(args)
            .map_err(|error| format!("notifications: {}", chain(&*error))),
        _ => Ok(()),
    }
}

impl Bound {
    /// Binds what the service listens on, so that a taken address is told at once.
    pub async fn of(service: ServiceArgs) -> Result<Self, RunError> {
        let ops = bind(service.ops_listen(), "--ops-listen").await?;
        let listener = match service.listen() {
            None => None,
            Some(at) => Some(bind(at, "--listen").await?),
        };
        Ok(Self { service, listener, ops })
    }

    /// Where it answers: its own HTTP, if it has one; and health and metrics.
    pub fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        let own = self.listener.as_ref().and_then(|listener| listener.local_addr().ok());
        (own, self.ops.local_addr().ok())
    }

    /// Runs until `shutdown`. A part that is away, at the start or later, is waited for; `Err`
    /// says what only a person can mend.
    pub async fn run(self, common: Common, shutdown: CancellationToken) -> Result<(), RunError> {
        let Self { service, listener, ops } = self;
        let name = service.name();
        let health = Health::of(name);
        // Outlives the service: what it says while that drains is true, too.
        let ended = CancellationToken::new();
        let (metrics, database) = (common.metrics.clone(), common.database.clone());
        let telling =
            ops::serve(ops, metrics, health.clone(), database, shutdown.clone(), ended.clone());
        let watching = tokio::spawn(telling);
        let ran = run_service(service, listener, common, &health, &shutdown).await;
        ended.cancel();
        let _ = watching.await;
        ran.map_err(|error| RunError::Service { name, why: chain(&*error) })
    }
}

type Failed = Box<dyn Error + Send + Sync>;

async fn run_service(
    service: ServiceArgs,
    listener: Option<TcpListener>,
    common: Common,
    health: &Health,
    shutdown: &CancellationToken,
) -> Result<(), Failed> {
    let Common { config, database, topics, metrics } = common;
    let (health, stop) = (health.clone(), shutdown.clone());
    match service {
        ServiceArgs::OrderApi(args) => {
            let Some(listener) = listener else { return Ok(()) };
            return order_api::run(&args, config, database, listener, metrics, health, stop).await;
        }
        ServiceArgs::Catalogue(args) => {
            let Some(listener) = listener else { return Ok(()) };
            let mut settings = catalogue::Settings::new(config, database);
            settings.keys = keys(&args.callers)?;
            settings.health = health;
            catalogue::run(settings, listener, stop).await?;
        }
        ServiceArgs::Users(args) => {
            let Some(listener) = listener else { return Ok(()) };
            let keys = keys(&args.callers)?;
            let Some(cluster_id) = cluster_id(&config, &health, shutdown).await? else {
                return Ok(());
            };
            let mut settings = users::Settings::new(config, database, cluster_id);
            settings.members = args.members;
            settings.keys = keys;
            settings.health = health;
            users::run(settings, listener, stop).await?;
        }
        ServiceArgs::History(args) => {
            let Some(cluster_id) = cluster_id(&config, &health, shutdown).await? else {
                return Ok(());
            };
            let mut settings = history::Settings::new(config, database, cluster_id);
            settings.members = args.members;
            settings.health = health;
            history::run(settings, listener, stop).await?;
        }
        ServiceArgs::Fulfilment(args) => {
            let (members, rules) = (args.members, fulfilment_rules::rules(&args)?);
            let asking = fulfilment_rules::provider(&args, &database, &health);
            let Some(provider) = shutdown.run_until_cancelled(asking).await else {
                return Ok(());
            };
            let provider = provider?;
            let settings =
                fulfilment::Settings { config, database, members, rules, provider, health };
            fulfilment::run(settings, stop).await?;
        }
        ServiceArgs::OutboxRelay(_) => {
            let (poll, lease) = (outbox_relay::POLL, outbox_relay::LEASE);
            let settings = outbox_relay::Settings { config, database, poll, lease, health };
            outbox_relay::run(settings, stop).await?;
        }
        ServiceArgs::Notifications(args) => {
            let settings = notifications::Settings::new(config, database, Mail::Mailbox);
            let mut settings = notification_ways::ways(&args, settings)?;
            settings.members = args.members;
            settings.private_topics =
                topics.iter().filter(|t| t.personal).map(|t| t.name.clone()).collect();
            settings.health = health;
            notifications::run(settings, listener, stop).await?;
        }
    }
    Ok(())
}

/// Who is let in.
fn keys(callers: &CallersArgs) -> Result<ApiKeys, Failed> {
    Ok(match callers.file()? {
        Some(file) => ApiKeys::load(file)?,
        None => ApiKeys::anonymous(),
    })
}

/// The id of the cluster, once it answers; `None`: the service is to end before.
async fn cluster_id(
    config: &Config,
    health: &Health,
    shutdown: &CancellationToken,
) -> Result<Option<String>, Failed> {
    let probe = Probe::new(config)?;
    let asking = wait_out(health, || probe.cluster_id());
    Ok(shutdown.run_until_cancelled(asking).await.transpose()?)
}

async fn bind(at: SocketAddr, flag: &'static str) -> Result<TcpListener, RunError> {
    TcpListener::bind(at).await.map_err(|source| RunError::Listen { at, flag, source })
}

/// Why a service can't start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An address is taken or isn't ours.
    #[error(
        "can't listen on {at} ({source}): is something else running there? {flag} takes another one"
    )]
    Listen {
        /// The address.
        at: SocketAddr,
        /// The flag that names it.
        flag: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The service.
    #[error("{name}: {why}")]
    Service {
        /// Which.
        name: &'static str,
        /// With all its causes.
        why: String,
    },
}
