//! Members of the group and the read API, until shutdown.

use std::{future::IntoFuture as _, io, time::Duration};

use orderly_sdk::{
    Config,
    consume::{ConsumeError, Consumer, Limits},
};
use orderly_stores::{Database, Positions, StoreError};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{Happened, ReadModel, RecordBatch, routes};

/// The group's name, and the service's.
const GROUP: &str = "history";
/// How long requests may go on after shutdown.
const REQUESTS_END: Duration = Duration::from_secs(5);

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
        }
    }
}

/// Why the service ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tables couldn't be made ready.
    #[error("history's store")]
    Store(#[from] StoreError),
    /// A member of the group.
    #[error("a member of group `history` ended")]
    Consume(#[from] ConsumeError),
    /// The read API.
    #[error("history's read API ended")]
    Serve(#[source] io::Error),
    /// A part of it panicked.
    #[error("a part of history panicked: {0}")]
    Panicked(String),
}

/// Runs until `shutdown`, then drains, commits and leaves the group. Serves reads on `listener`, if
/// there is one. A part that fails ends the service with its error, after the others have stopped.
///
/// Dropped instead, the members stop by themselves soon after: what they had begun is either whole
/// or not there.
pub async fn run(
    settings: Settings,
    listener: Option<TcpListener>,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    Positions::new(settings.database.clone(), &settings.cluster_id).prepare().await?;
    let history = ReadModel::open(&settings.database).await?;
    let stop = shutdown.child_token();
    let mut parts = JoinSet::new();
    for _ in 0..settings.members {
        parts.spawn(consume(&settings, stop.clone()));
    }
    if let Some(listener) = listener {
        parts.spawn(serve(listener, history, stop.clone()));
    }
    let mut first = Ok(());
    while let Some(ended) = parts.join_next().await {
        let ended = ended.unwrap_or_else(|panic| Err(Error::Panicked(panic.to_string())));
        if ended.is_err() && first.is_ok() {
            first = ended;
            stop.cancel();
        }
    }
    first
}

fn consume(
    settings: &Settings,
    stop: CancellationToken,
) -> impl Future<Output = Result<(), Error>> + use<> {
    // Each member has its own idea of where it is, so that it notices when it was overtaken.
    let positions = Positions::new(settings.database.clone(), &settings.cluster_id);
    let consumer = Consumer::new(GROUP, &settings.config)
        .within(positions)
        .limited(settings.limits.clone())
        .in_batches::<Happened>(RecordBatch);
    async move { Ok(consumer.run_until(stop.cancelled_owned()).await?) }
}

async fn serve(
    listener: TcpListener,
    history: ReadModel,
    stop: CancellationToken,
) -> Result<(), Error> {
    let serving = axum::serve(listener, routes(history))
        .with_graceful_shutdown(stop.clone().cancelled_owned())
        .into_future();
    let too_late = async {
        stop.cancelled().await;
        tokio::time::sleep(REQUESTS_END).await;
    };
    tokio::select! {
        served = serving => served.map_err(Error::Serve),
        () = too_late => {
            tracing::warn!("requests were cut off: they went on for too long after shutdown");
            Ok(())
        }
    }
}
