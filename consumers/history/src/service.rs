//! Members of the group and the read API, until shutdown.

use std::{io, time::Duration};

use orderly_sdk::{
    Config, Health,
    consume::{ConsumeError, Consumer, Exhausted, Limits, RetryPolicy, SideBySide},
    kafka::{KafkaError, Probe},
    wait_out,
};
use orderly_stores::{Database, Positions, StoreError};
use orderly_web::{Bounds, serve_until};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{Happened, ReadModel, RecordBatch, routes};

/// The group's name, and the service's.
pub(crate) const GROUP: &str = "history";
/// How long requests may go on after shutdown.
const REQUESTS_END: Duration = Duration::from_secs(5);
/// Longer than order-api keeps a connection that it doesn't use: it closes them, not we.
const SILENCE: Duration = Duration::from_secs(120);

/// What the service runs with.
pub struct Settings {
    /// Kafka and the registry.
    pub config: Config,
    /// Where history and the group's positions are kept.
    pub database: Database,
    /// The Kafka cluster's id: positions kept for another one are refused.
    pub cluster_id: String,
    /// How many members of the group run here. With none, it only answers reads.
    pub members: usize,
    /// Bounds of each member.
    pub limits: Limits,
    /// Told which parts are away, and that members have joined.
    pub health: Health,
}

impl Settings {
    /// One member with the usual bounds.
    pub fn new(config: Config, database: Database, cluster_id: impl Into<String>) -> Self {
        Self {
            config,
            database,
            cluster_id: cluster_id.into(),
            members: 1,
            limits: Limits::default(),
            health: Health::of(GROUP),
        }
    }
}

/// Why the service ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tables couldn't be made ready.
    #[error("history's store")]
    Store(#[from] StoreError),
    /// Kafka's client.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// A member of the group.
    #[error("a member of group `history` ended")]
    Consume(#[from] ConsumeError),
    /// The read API.
    #[error("history's read API ended")]
    Serve(#[source] io::Error),
}

/// Runs until `shutdown`, then drains, commits and leaves the group. Serves reads on `listener`, if
/// there is one. A part that fails ends the service with its error, after the others have stopped;
/// what it needs and is away is waited for, also at the start.
///
/// Dropped instead, the members stop by themselves soon after: what they had begun is either whole
/// or not there.
pub async fn run(
    settings: Settings,
    listener: Option<TcpListener>,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let getting_ready = wait_out(&settings.health, || get_ready(&settings));
    let Some(ready) = shutdown.run_until_cancelled(getting_ready).await else {
        return Ok(());
    };
    let history = ready?;
    let probe = Probe::new(&settings.config)?;
    let mut service = SideBySide::until(&shutdown, &settings.health);
    for _ in 0..settings.members {
        // Each member has its own idea of where it is, so that it notices when it was overtaken.
        let positions = Positions::new(settings.database.clone(), &settings.cluster_id)
            .telling_topics_apart(probe.clone());
        service.member(
            Consumer::new(GROUP, &settings.config)
                .within(positions)
                .limited(settings.limits.clone())
                // What is known of an order is shown, also where one event of it can't be read.
                .retrying(RetryPolicy { rejected: Exhausted::Skip, ..RetryPolicy::default() })
                .in_batches::<Happened>(RecordBatch),
        );
    }
    if let Some(listener) = listener {
        service.also(|stop| serve(listener, history, stop));
    }
    service.ended().await
}

/// Its tables and the positions'.
async fn get_ready(settings: &Settings) -> Result<ReadModel, StoreError> {
    Positions::new(settings.database.clone(), &settings.cluster_id).prepare().await?;
    ReadModel::open(&settings.database).await
}

async fn serve(
    listener: TcpListener,
    history: ReadModel,
    stop: CancellationToken,
) -> Result<(), Error> {
    let bounds = Bounds { silence: SILENCE, grace: REQUESTS_END, ..Bounds::default() };
    serve_until(listener, routes(history), &bounds, &stop).await.map_err(Error::Serve)
}
