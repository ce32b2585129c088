//! Every service in one process: on embedded parts, of which nothing outlives the process, or on
//! real ones.

mod broker_room;
mod databases;
mod ways;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use fulfilment::Rules;
use fulfilment_payment::Simulated;
use metrics_exporter_prometheus::PrometheusHandle;
use orderly_schemas::every_schema;
use orderly_sdk::{
    Config, Health,
    kafka::{EmbeddedBroker, KafkaError, Probe},
    topics::Topics,
    view::ViewError,
};
use orderly_stores::StoreError;
use orderly_testkit::EmbeddedRegistry;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub use crate::args::PricesFrom;
use crate::{
    parts::Parts,
    run::order_api::{live, prices},
};
use broker_room::BrokerRoom;
pub use databases::Databases;
pub use ways::Ways;

/// What the platform is to run with.
pub struct Settings {
    /// The topics.
    pub topics: Topics,
    /// Where order-api listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Members of each group.
    pub members: usize,
    /// What holds for every order.
    pub rules: Rules,
    /// Where order-api takes prices from.
    pub prices: PricesFrom,
    /// What order-api's `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// Real parts; `None`: embedded ones.
    pub parts: Option<Parts>,
    /// A real cache of what is read of orders; `None`: in this process.
    pub redis: Option<order_api::Redis>,
}

/// Within this a POST is answered.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
/// How long services have to stop: longer than a member takes to drain, commit and leave.
const PATIENCE: Duration = Duration::from_secs(40);

/// The running platform.
pub struct Platform {
    /// For clients of its broker and registry.
    pub config: Config,
    /// Where order-api answers.
    pub api: SocketAddr,
    /// Where the history service answers.
    pub history_address: SocketAddr,
    /// Where products and stock are kept.
    pub catalogue_address: SocketAddr,
    /// Where users are kept.
    pub users_address: SocketAddr,
    /// Where the mailbox page is, and what was sent about an order.
    pub mailbox_address: SocketAddr,
    /// The services' databases.
    pub databases: Databases,
    services: JoinSet<()>,
    failed: watch::Receiver<Option<String>>,
    shutdown: CancellationToken,
    embedded: Option<(EmbeddedBroker, EmbeddedRegistry)>,
}

impl Platform {
    /// Starts every service, and the parts where they are embedded ones. Those that answer requests
    /// have passed their start then; a part that is away is waited for. Mails and text messages are kept
    /// by the notification service, and no callback address is told anything.
    pub async fn start(settings: Settings) -> Result<Self, PlatformError> {
        Self::start_telling(settings, Ways::default()).await
    }

    /// The same, with customers told by these ways.
    pub async fn start_telling(settings: Settings, ways: Ways) -> Result<Self, PlatformError> {
        let (config, databases, embedded) = match settings.parts {
            Some(Parts { config, database }) => (config, Databases::shared(&database)?, None),
            None => {
                let (broker, registry) = embed(&settings.topics).await?;
                (broker.config(&registry.url()), Databases::fresh()?, Some((broker, registry)))
            }
        };
        let api_listener = bind(settings.listen).await?;
        let history_listener = bind(([127, 0, 0, 1], 0).into()).await?;
        let mailbox_listener = bind(([127, 0, 0, 1], 0).into()).await?;
        let catalogue_listener = bind(([127, 0, 0, 1], 0).into()).await?;
        let users_listener = bind(([127, 0, 0, 1], 0).into()).await?;
        let (api, history_address, mailbox_address) =
            (address(&api_listener)?, address(&history_listener)?, address(&mailbox_listener)?);
        let (catalogue_address, users_address) =
            (address(&catalogue_listener)?, address(&users_listener)?);
        let (failing, failed) = watch::channel(None);
        let mut services = Services {
            running: JoinSet::new(),
            failing: Arc::new(failing),
            shutdown: CancellationToken::new(),
        };
        let stop = services.shutdown.clone();

        let cluster_id = Probe::new(&config)?.cluster_id().await?;
        let mut history =
            history::Settings::new(config.clone(), databases.history.clone(), &*cluster_id);
        history.members = settings.members;
        let mut answering = vec![history.health.clone()];
        services.spawn("history", history::run(history, Some(history_listener), stop.clone()));

        let fulfilment = fulfilment::Settings {
            config: config.clone(),
            database: databases.fulfilment.clone(),
            members: settings.members,
            rules: settings.rules,
            provider: Arc::new(Simulated::open(databases.fulfilment.clone()).await?),
            health: Health::of("fulfilment"),
        };
        services.spawn("fulfilment", fulfilment::run(fulfilment, stop.clone()));

        let catalogue = catalogue::Settings::new(config.clone(), databases.catalogue.clone());
        answering.push(catalogue.health.clone());
        services.spawn("catalogue", catalogue::run(catalogue, catalogue_listener, stop.clone()));

        let mut users = users::Settings::new(config.clone(), databases.users.clone(), cluster_id);
        users.members = settings.members;
        answering.push(users.health.clone());
        services.spawn("users", users::run(users, users_listener, stop.clone()));

        for database in databases.with_outbox() {
            let relay = outbox_relay::Settings {
                config: config.clone(),
                database,
                poll: Duration::from_millis(500),
                lease: outbox_relay::LEASE,
                health: Health::of("outbox-relay"),
            };
            services.spawn("outbox-relay", outbox_relay::run(relay, stop.clone()));
        }

        let mut notify = notifications::Settings::new(
            config.clone(),
            databases.notifications.clone(),
            ways.mail,
        );
        notify.texts = ways.texts;
        notify.webhooks = ways.webhooks;
        notify.pauses = ways.pauses;
        notify.members = settings.members;
        notify.private_topics =
            settings.topics.iter().filter(|t| t.personal).map(|t| t.name.clone()).collect();
        let notify = notifications::run(notify, Some(mailbox_listener), stop.clone());
        services.spawn("notifications", notify);

        // A real broker keeps what it took.
        let room = match &embedded {
            Some(_) => Some(BrokerRoom::watch(&config, &settings.topics, stop.clone())?),
            None => None,
        };
        let health = Health::of("order-api");
        let emitter = order_api::connect(&config, &databases.order_api, DEADLINE, &health).await?;
        let history_url = format!("http://{history_address}");
        let mut order_api =
            order_api::Settings::new(emitter, databases.order_api.clone(), history_url);
        order_api.notifications = Some(format!("http://{mailbox_address}"));
        order_api.admission =
            room.map(|room| Arc::new(move || room.is_there()) as order_api::Admission);
        order_api.deadline = DEADLINE;
        order_api.prices = prices(settings.prices, &config, &health).await?;
        let bounds = order_api::LiveBounds::default();
        order_api.live = Some(live(bounds.most_streams, &config, &health).await?);
        order_api.redis = settings.redis;
        order_api.metrics = Some(settings.metrics.clone());
        answering.push(health);
        services.spawn("order-api", order_api::serve(order_api, api_listener, stop.clone()));

        tokio::spawn(stop.run_until_cancelled_owned(tidy(settings.metrics)));

        let platform = Self {
            api,
            history_address,
            catalogue_address,
            users_address,
            mailbox_address,
            databases,
            config,
            services: services.running,
            failed,
            shutdown: services.shutdown,
            embedded,
        };
        // Whoever is told an address may ask there.
        tokio::select! {
            () = started(&answering) => Ok(platform),
            why = platform.failure() => Err(PlatformError::Service(why)),
        }
    }

    /// Whether the parts go with the process.
    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// Resolves when a service ended though nobody told it to, with its name and error.
    pub async fn failure(&self) -> String {
        let mut failed = self.failed.clone();
        let why = failed.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        match why {
            Some(why) => why,
            None => std::future::pending().await,
        }
    }

    /// Stops every service: each finishes what it has in hand. An error names a service that failed
    /// or took too long.
    pub async fn stop(mut self) -> Result<(), PlatformError> {
        self.shutdown.cancel();
        let all = async { while self.services.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            return Err(PlatformError::Service("a service didn't stop in time".into()));
        }
        match self.failed.borrow().clone() {
            Some(why) => Err(PlatformError::Service(why)),
            None => Ok(()),
        }
    }
}

async fn embed(topics: &Topics) -> Result<(EmbeddedBroker, EmbeddedRegistry), PlatformError> {
    let broker = EmbeddedBroker::start(topics.iter().map(|t| (t.name.as_str(), t.partitions)))?;
    let subjects = every_schema().iter().map(|s| (format!("{}-{}", s.topic, s.event), s.text));
    let registry =
        EmbeddedRegistry::start(subjects).await.map_err(PlatformError::EmbeddedRegistry)?;
    Ok((broker, registry))
}

/// When all have passed their start.
async fn started(services: &[Health]) {
    let mut again = tokio::time::interval(Duration::from_millis(10));
    while !services.iter().all(|service| service.snapshot().has_started) {
        again.tick().await;
    }
}

/// Keeps the memory of histograms bounded.
async fn tidy(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        metrics.run_upkeep();
    }
}

struct Services {
    running: JoinSet<()>,
    failing: Arc<watch::Sender<Option<String>>>,
    shutdown: CancellationToken,
}

impl Services {
    fn spawn<E: std::error::Error>(
        &mut self,
        name: &'static str,
        service: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let (failing, shutdown) = (Arc::clone(&self.failing), self.shutdown.clone());
        self.running.spawn(async move {
            let why = match service.await {
                Ok(()) if shutdown.is_cancelled() => return,
                Ok(()) => format!("{name} ended by itself"),
                Err(error) => format!("{name}: {}", chain(&error)),
            };
            failing.send_if_modified(|first| {
                let is_first = first.is_none();
                first.get_or_insert(why);
                is_first
            });
        });
    }
}

/// An error with all its causes.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

async fn bind(at: SocketAddr) -> Result<TcpListener, PlatformError> {
    TcpListener::bind(at).await.map_err(|source| PlatformError::Listen { at, source })
}

fn address(listener: &TcpListener) -> Result<SocketAddr, PlatformError> {
    listener.local_addr().map_err(PlatformError::Socket)
}

/// Why the platform can't start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// An address is taken or isn't ours.
    #[error("can't listen on {at}; is something else running there? --listen takes another one")]
    Listen {
        /// The address.
        at: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A socket without an address.
    #[error("a listening socket")]
    Socket(#[source] io::Error),
    /// The embedded registry.
    #[error("the embedded schema registry can't start")]
    EmbeddedRegistry(#[source] io::Error),
    /// The directory of the databases.
    #[error("no temporary directory for the databases")]
    Directory(#[source] io::Error),
    /// A database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker or one of its clients.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The catalogue can't be followed.
    #[error(transparent)]
    View(#[from] ViewError),
    /// Orders can't be followed live.
    #[error(transparent)]
    Live(#[from] order_api::LiveError),
    /// What order-api needs before the first order.
    #[error(transparent)]
    OrderApi(#[from] order_api::ConnectError),
    /// A service.
    #[error("{0}")]
    Service(String),
}
