//! Who carries what was committed on to the topic: ours or the peer.

use std::sync::Arc;

use orderly_sdk::{Health, OutRecord};
use orderly_stores::{Database, Tx, outbox};
use outbox_relay::{LEASE, POLL, RelayError, Settings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    PEER, Place,
    debezium::{self, Connector},
};
use crate::{Error, peers::Worker};

#[derive(Clone)]
pub(super) enum Relay {
    Ours,
    Debezium(Arc<Worker>),
}

/// What it is to be good at: the peer is set for either.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tuned {
    Latency,
    Throughput,
}

/// One that runs.
pub(super) enum Running {
    Ours { stop: CancellationToken, running: JoinHandle<Result<(), RelayError>> },
    Debezium(Connector),
}

impl Relay {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Debezium(_) => PEER,
        }
    }

    /// The same, fit for names of topics.
    pub(super) fn id(&self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Debezium(_) => "debezium",
        }
    }

    /// Makes its table.
    pub(super) async fn prepare(&self, place: &Place) -> Result<(), Error> {
        match self {
            Self::Ours => Ok(outbox::prepare(&Database::open(place.database.url())?).await?),
            Self::Debezium(_) => debezium::prepare(place).await,
        }
    }

    /// Puts records into it.
    pub(super) async fn insert(
        &self,
        tx: &mut Tx,
        topic: &str,
        records: &[OutRecord],
    ) -> Result<(), Error> {
        match self {
            Self::Ours => Ok(outbox::insert(tx, records).await?),
            Self::Debezium(_) => debezium::insert(tx, topic, records).await,
        }
    }

    pub(super) async fn start(&self, place: &Place, tuned: Tuned) -> Result<Running, Error> {
        match self {
            Self::Ours => ours(place),
            Self::Debezium(worker) => {
                let worker = Arc::clone(worker);
                Ok(Running::Debezium(Connector::start(worker, place, tuned).await?))
            }
        }
    }
}

impl Running {
    /// Nothing more is sent until it goes on.
    pub(super) async fn stop(&mut self) -> Result<(), Error> {
        match self {
            Self::Ours { stop, running } => {
                stop.cancel();
                Ok(running.await??)
            }
            Self::Debezium(connector) => connector.stop().await,
        }
    }

    /// Has one that was stopped go on.
    pub(super) async fn go_on(&mut self, place: &Place) -> Result<(), Error> {
        match self {
            Self::Ours { .. } => {
                *self = ours(place)?;
                Ok(())
            }
            Self::Debezium(connector) => connector.go_on().await,
        }
    }

    /// Ends it; what the peer failed with is told.
    pub(super) async fn end(mut self) -> Result<(), Error> {
        match &mut self {
            Self::Ours { .. } => self.stop().await,
            Self::Debezium(connector) => connector.end().await,
        }
    }
}

/// With a connection pool of its own: like one in another process it hears of no commit, and looks.
fn ours(place: &Place) -> Result<Running, Error> {
    let stop = CancellationToken::new();
    let settings = Settings {
        config: place.config.clone(),
        database: Database::open(place.database.url())?,
        poll: POLL,
        lease: LEASE,
        health: Health::of(outbox_relay::NAME),
    };
    let running = tokio::spawn(outbox_relay::run(settings, stop.clone()));
    Ok(Running::Ours { stop, running })
}
