//! Reads `orders` and `order-status` along, outside any group: for the proof, and to tell the
//! customers when to collect.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use orderly_sdk::{
    Config, Meta,
    codec::{Registry, RegistryError},
    consume::{Decision, Failure, Received, read_event},
    kafka::{KafkaError, Tail},
    record::{InRecord, TopicPartition},
};
use tokio::{sync::mpsc, task::JoinHandle};

use super::ledger::{Ledger, Mine, Observed};

/// Orders that are ready and not yet collected.
const MOST_READY: usize = 10_000;
/// Before a record that couldn't be looked into is tried again.
const PAUSE: Duration = Duration::from_millis(250);

/// Reads along until it is dropped.
pub(super) struct Observer {
    ledger: Arc<Mutex<Ledger>>,
    reading: JoinHandle<Result<(), ObserveError>>,
}

/// An order that is ready.
pub(super) struct Ready {
    pub(super) order_id: String,
    pub(super) meta: Meta,
}

impl Observer {
    /// From these offsets on. Orders of the run that are ready go to the receiver.
    pub(super) fn start(
        config: &Config,
        starts: &[(TopicPartition, i64)],
        mine: Mine,
    ) -> Result<(Self, mpsc::Receiver<Ready>), ObserveError> {
        let tail = Tail::from(config, starts)?;
        let registry = Registry::new(config)?;
        let ledger = Arc::new(Mutex::new(Ledger::of(mine, starts)));
        let (ready, customers) = mpsc::channel(MOST_READY);
        let reading = tokio::spawn(read(tail, registry, Arc::clone(&ledger), ready));
        Ok((Self { ledger, reading }, customers))
    }

    /// What was read so far.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// Resolves if it can't read on.
    pub(super) async fn failure(&mut self) -> ObserveError {
        match (&mut self.reading).await {
            Ok(Err(error)) => error,
            Ok(Ok(())) => ObserveError::Ended("the topics' reader stopped".into()),
            Err(panic) => ObserveError::Ended(panic.to_string()),
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

async fn read(
    mut tail: Tail,
    registry: Registry,
    ledger: Arc<Mutex<Ledger>>,
    customers: mpsc::Sender<Ready>,
) -> Result<(), ObserveError> {
    while let Some(record) = tail.next().await {
        let record = record?;
        let received = match look_into(&registry, &record).await {
            Ok(Some(received)) => received,
            Ok(None) => {
                lock(&ledger).read(record.at());
                continue;
            }
            Err(failure) => {
                return Err(ObserveError::Ended(format!("{}: {failure}", record.at())));
            }
        };
        let order_id = received.event.order_id();
        let ready = {
            let mut ledger = lock(&ledger);
            ledger.see(&received, Instant::now());
            ledger.collectable(order_id)
        };
        if let Some(meta) = ready {
            // Nobody collects any more: then it isn't.
            let _ = customers.send(Ready { order_id: order_id.to_owned(), meta }).await;
        }
    }
    Ok(())
}

/// A registry that is away is waited for: the record lies where it is.
async fn look_into(
    registry: &Registry,
    record: &InRecord,
) -> Result<Option<Received<Observed>>, Failure> {
    loop {
        match read_event(registry, record).await {
            Err(failure) if matches!(failure.decision(), Decision::Unavailable(_)) => {
                tracing::warn!(at = %record.at(), %failure, "read again in a moment");
                tokio::time::sleep(PAUSE).await;
            }
            looked => return looked,
        }
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why the topics can't be read along.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// Kafka, or records that were removed before they were read.
    #[error("reading the topics along")]
    Kafka(#[from] KafkaError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Anything else.
    #[error("reading the topics along: {0}")]
    Ended(String),
}
