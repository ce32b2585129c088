//! An EndTxn that is held back, and comes late (KAFKA-17754): its client has long asked again
//! elsewhere, or is dead, and perhaps its next transaction is open.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::orders::{Then, Whose};
use super::request::{Api, Request};
use crate::error::Fault;

/// Longest that a broker may take to answer one that comes late.
const ANSWERED: Duration = Duration::from_secs(20);

/// How long an EndTxn is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// [`Hold::let_go`] says so.
    Told,
    /// A record of the next transaction of the same `transactional.id` is acknowledged; or it is told.
    NextTransaction,
}

/// The order to hold one EndTxn. Dropped, it is withdrawn, and what it holds never comes.
#[derive(Debug)]
pub struct Hold {
    whose: Whose,
    then: Then,
    until: Until,
    kept: Mutex<Option<Kept>>,
    stage: watch::Sender<Stage>,
}

/// A request as the client wrote it, and where to.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) request: Request,
    /// With its size in front.
    pub(super) bytes: Vec<u8>,
    pub(super) broker: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// For one that fits.
    Waits,
    Holds,
    Went(Result<i16, String>),
}

impl Hold {
    pub(super) fn of(whose: Whose, then: Then, until: Until) -> Self {
        let (kept, stage) = (Mutex::new(None), watch::Sender::new(Stage::Waits));
        Self { whose, then, until, kept, stage }
    }

    /// Whether one was held, let go since or not.
    pub fn has_struck(&self) -> bool {
        *self.stage.borrow() != Stage::Waits
    }

    /// The `transactional.id` of the one that is held.
    pub fn transaction(&self) -> Option<String> {
        self.kept().as_ref().and_then(|kept| kept.request.transaction.clone())
    }

    /// Waits until one is held.
    ///
    /// # Errors
    /// None was within that time.
    pub async fn struck(&self, within: Duration) -> Result<(), Fault> {
        let late = || format!("within {within:?} there was no EndTxn of {:?}", self.whose);
        self.reached(within, |stage| *stage != Stage::Waits, late).await.map(drop)
    }

    /// Lets it go to its broker, on a connection of its own; gives the broker's answer: 0, or the code
    /// of an error.
    ///
    /// # Errors
    /// None is held, it went already, or the broker can't be reached or doesn't answer.
    pub async fn let_go(&self) -> Result<i16, Fault> {
        let Some(kept) = self.kept().take() else {
            return Err(Fault::new("no EndTxn is held"));
        };
        let sent = tokio::time::timeout(ANSWERED, send(&kept)).await;
        let sent = sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let went = sent.map_err(|e| format!("an EndTxn let go to {}: {e}", kept.broker));
        self.stage.send_replace(Stage::Went(went.clone()));
        went.map_err(Fault::new)
    }

    /// Waits until it went, and gives the broker's answer: 0, or the code of an error.
    ///
    /// # Errors
    /// It didn't within that time, or the broker couldn't be reached or didn't answer.
    pub async fn went(&self, within: Duration) -> Result<i16, Fault> {
        let late = || format!("an EndTxn of {:?} didn't go within {within:?}", self.whose);
        match self.reached(within, |stage| matches!(stage, Stage::Went(_)), late).await? {
            Stage::Went(answer) => answer.map_err(Fault::new),
            Stage::Waits | Stage::Holds => Err(Fault::new(late())),
        }
    }

    async fn reached(
        &self,
        within: Duration,
        is_it: impl FnMut(&Stage) -> bool,
        late: impl Fn() -> String,
    ) -> Result<Stage, Fault> {
        let mut stage = self.stage.subscribe();
        let waited = tokio::time::timeout(within, stage.wait_for(is_it)).await;
        match waited {
            Ok(Ok(stage)) => Ok(stage.clone()),
            Ok(Err(_)) | Err(_) => Err(Fault::new(late())),
        }
    }

    pub(super) fn keep(&self, kept: Kept) -> Then {
        *self.kept() = Some(kept);
        self.stage.send_replace(Stage::Holds);
        self.then
    }

    pub(super) fn whose(&self) -> &Whose {
        &self.whose
    }

    pub(super) fn until(&self) -> Until {
        self.until
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn send(Kept { request, bytes, broker }: &Kept) -> io::Result<i16> {
    let mut broker = TcpStream::connect(broker).await?;
    broker.write_all(bytes).await?;
    broker.read_i32().await?; // size
    broker.read_i32().await?; // correlation id
    if request.version >= Api::EndTxn.compact_from() {
        broker.read_u8().await?; // tags, of which brokers write none there
    }
    broker.read_i32().await?; // throttled for
    broker.read_i16().await
}
