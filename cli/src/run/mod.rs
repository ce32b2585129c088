//! One service as a process of its own: started when its parts are there, ended by SIGTERM.

mod ops;
mod order_api;
mod turned_away;

use std::{error::Error, future::Future, io, net::SocketAddr, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;
use notifications::{Mail, Smtp};
use orderly_sdk::{Config, Health, away, kafka::Probe, topics::Topics};
use orderly_stores::Database;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{args::ServiceArgs, platform::chain};

/// First and longest wait between two starts.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MOST_PAUSE: Duration = Duration::from_secs(2);
/// How often the relay looks for what other processes committed.
const RELAY_POLL: Duration = Duration::from_millis(5);
/// How long a service may take to end.
const GRACE: Duration = Duration::from_secs(30);

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
    listener: Option<std::net::TcpListener>,
    ops: TcpListener,
}

impl Bound {
    /// Binds what the service listens on, so that a taken address is told at once.
    pub async fn of(service: ServiceArgs) -> Result<Self, RunError> {
        let ops = bind(service.ops_listen(), "--ops-listen").await?;
        let listener = match service.listen() {
            None => None,
            Some(at) => {
                let bound = bind(at, "--listen").await?.into_std();
                Some(bound.map_err(RunError::Socket)?)
            }
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
        let metrics = common.metrics.clone();
        let watching =
            tokio::spawn(ops::serve(ops, metrics, health.clone(), shutdown.clone(), ended.clone()));
        let ran = run_service(service, listener, common, &health, &shutdown).await;
        ended.cancel();
        let _ = watching.await;
        ran.map_err(|error| RunError::Service { name, why: chain(&*error) })
    }
}

type Failed = Box<dyn Error + Send + Sync>;

async fn run_service(
    service: ServiceArgs,
    listener: Option<std::net::TcpListener>,
    common: Common,
    health: &Health,
    shutdown: &CancellationToken,
) -> Result<(), Failed> {
    let Common { config, database, topics, metrics } = common;
    let own = || listener.as_ref().map(copy).transpose();
    match service {
        ServiceArgs::OrderApi(args) => {
            let Some(listener) = listener.as_ref() else { return Ok(()) };
            order_api::run(args, config, database, listener, metrics, health, shutdown).await
        }
        ServiceArgs::History(args) => {
            let probe = Probe::new(&config)?;
            while_away(health, shutdown, async || {
                let cluster_id = probe.cluster_id().await?;
                let mut settings =
                    history::Settings::new(config.clone(), database.clone(), cluster_id);
                settings.members = args.members;
                history::run(settings, own()?, shutdown.clone()).await?;
                Ok(())
            })
            .await
        }
        ServiceArgs::Fulfilment(args) => {
            while_away(health, shutdown, async || {
                let settings = fulfilment::Settings {
                    config: config.clone(),
                    database: database.clone(),
                    members: args.members,
                    stages: args.stages.clone(),
                };
                Ok(fulfilment::run(settings, shutdown.clone()).await?)
            })
            .await
        }
        ServiceArgs::OutboxRelay(_) => {
            while_away(health, shutdown, async || {
                let settings = outbox_relay::Settings {
                    config: config.clone(),
                    database: database.clone(),
                    poll: RELAY_POLL,
                    lease: outbox_relay::LEASE,
                };
                Ok(outbox_relay::run(settings, shutdown.clone()).await?)
            })
            .await
        }
        ServiceArgs::Notifications(args) => {
            let private: Vec<String> =
                topics.iter().filter(|t| t.personal).map(|t| t.name.clone()).collect();
            let mail = mail(args.sender)?;
            while_away(health, shutdown, async || {
                let mut settings =
                    notifications::Settings::new(config.clone(), database.clone(), mail.clone());
                settings.members = args.members;
                settings.private_topics.clone_from(&private);
                notifications::run(settings, own()?, shutdown.clone()).await?;
                Ok(())
            })
            .await
        }
    }
}

/// Starts anew as long as a part is away.
async fn while_away<F: Future<Output = Result<(), Failed>>>(
    health: &Health,
    shutdown: &CancellationToken,
    mut start: impl FnMut() -> F,
) -> Result<(), Failed> {
    let (mut pause, mut waiting) = (FIRST_PAUSE, None);
    loop {
        let overdue = async {
            shutdown.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        let error = tokio::select! {
            ran = start() => match ran {
                Ok(()) => return Ok(()),
                Err(error) => error,
            },
            () = overdue => return Err("it didn't end in time and was cut off".into()),
        };
        let Some(part) = away(&*error) else { return Err(error) };
        if shutdown.is_cancelled() {
            return Ok(());
        }
        tracing::warn!(error = &*error as &dyn Error, "waits for a part that is away");
        // Told anew before the old word is taken back: it stays away in between.
        let told = health.away(part.part, &part.message);
        drop(waiting.replace(told));
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(MOST_PAUSE),
        }
    }
}

/// To the server that the environment names: its url may hold a password.
fn mail(sender: String) -> Result<Mail, Failed> {
    match std::env::var("SMTP_URL") {
        Ok(url) if !url.is_empty() => Ok(Mail::Smtp(Smtp::new(&url, sender)?)),
        _ => Ok(Mail::Mailbox),
    }
}

fn copy(listener: &std::net::TcpListener) -> std::io::Result<TcpListener> {
    TcpListener::from_std(listener.try_clone()?)
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
    /// A socket of no use.
    #[error("a listening socket")]
    Socket(#[source] io::Error),
    /// The service.
    #[error("{name}: {why}")]
    Service {
        /// Which.
        name: &'static str,
        /// With all its causes.
        why: String,
    },
}
