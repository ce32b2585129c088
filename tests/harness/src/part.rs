//! One part at one address, killed, paused and started again in the same words whatever it is.

use std::{fmt, time::Duration};

use tempfile::TempDir;

use crate::docker::{Container, Engine, Image};
use crate::error::{Fault, NotRun};
use crate::node::{Node, Way};
use crate::ports::Port;
use crate::unique::unique;

/// A part of the test's own. It ends when this is dropped, and at the latest with the process.
pub struct Part<K> {
    pub(crate) kind: K,
    pub(crate) at: At,
    /// Behind the part: it ends before its files go.
    _dir: Option<TempDir>,
}

/// What runs a part, and where.
pub(crate) struct At {
    pub(crate) node: Node,
    /// `host:port`.
    pub(crate) address: String,
    /// Its own while it is down, too.
    pub(crate) _port: Port,
}

/// What parts differ in.
pub trait Kind: Send + Sync {
    /// What it is called.
    const NAME: &'static str;
    /// How long it may take to answer.
    const READY: Duration;

    /// Whether it answers.
    fn answers(&self, address: &str) -> impl Future<Output = bool> + Send;
}

impl At {
    /// In a container of this image.
    pub(crate) async fn contain(
        part: &str,
        engine: &'static Engine,
        image: Image,
    ) -> Result<Self, NotRun> {
        let port = Port::free(part)?;
        let name = format!("orderly-{part}-{}", unique());
        let container = Container::run(part, engine, &name, image, &port, None).await?;
        let address = format!("{}:{}", engine.host, port.number);
        Ok(Self { node: Node::Container(container), address, _port: port })
    }
}

impl<K: Kind> Part<K> {
    /// With a directory that goes with it.
    pub(crate) fn of(kind: K, at: At, dir: Option<TempDir>) -> Self {
        Self { kind, at, _dir: dir }
    }

    /// Where it listens, `host:port`.
    pub fn address(&self) -> String {
        self.at.address.clone()
    }

    /// Its process id; of Postgres that of the postmaster.
    ///
    /// # Errors
    /// It doesn't run, or runs in a container.
    pub fn pid(&self) -> Result<u32, Fault> {
        self.at.node.pid()
    }

    /// The way it was found.
    pub fn way(&self) -> Way {
        self.at.node.way()
    }

    /// kill -9, of its children too; it is gone when this returns.
    ///
    /// # Errors
    /// It doesn't run.
    pub async fn kill(&self) -> Result<(), Fault> {
        self.at.node.kill().await
    }

    /// Asks it to end, as an operator would. Postgres rolls open transactions back and tells its
    /// clients. It is gone when this returns.
    ///
    /// # Errors
    /// It doesn't run, or doesn't end within a minute.
    pub async fn stop(&self) -> Result<(), Fault> {
        self.at.node.stop().await
    }

    /// SIGSTOP, of its children too: connections stay and nothing is answered.
    ///
    /// # Errors
    /// It doesn't run.
    pub async fn pause(&self) -> Result<(), Fault> {
        self.at.node.pause().await
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// It doesn't run.
    pub async fn resume(&self) -> Result<(), Fault> {
        self.at.node.resume().await
    }

    /// Starts it at its port, with its data; returns when it answers.
    ///
    /// # Errors
    /// It still runs, or doesn't come up; then the end of its log is in the error.
    pub async fn start_again(&self) -> Result<(), Fault> {
        self.at.node.start().await?;
        self.ready().await
    }

    /// Waits for its first answer.
    pub(crate) async fn started(self) -> Result<Self, NotRun> {
        match self.ready().await {
            Ok(()) => Ok(self),
            Err(fault) => Err(NotRun::broken(K::NAME, fault)),
        }
    }

    async fn ready(&self) -> Result<(), Fault> {
        let At { node, address, .. } = &self.at;
        node.ready(K::NAME, K::READY, || self.kind.answers(address)).await
    }
}

impl<K: Kind> fmt::Debug for Part<K> {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAME).field("address", &self.at.address).finish_non_exhaustive()
    }
}
