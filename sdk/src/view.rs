//! What a compacted topic says now, in this process: read from its beginning without a group, and
//! followed for ever.

mod follow;
mod held;
mod read_to;

use std::{collections::BTreeSet, fmt, sync::Arc};

use tokio::{sync::watch, task::JoinHandle};

use crate::{
    Config, Event, Health,
    codec::{Registry, RegistryError},
    kafka::{KafkaError, Probe, partition_of_key},
    record::TopicPartition,
};
use follow::Follower;
use held::Held;
use read_to::ReadTo;

/// The newest event of each key of a topic. Cheap to clone; it is followed until the last clone is
/// dropped.
///
/// A key's newest record counts, a tombstone removes it. What can't be decoded is counted and logged,
/// and the key keeps what it had; so it does where a type is another one than `E`. While the brokers or
/// the registry are away it stays on what it has, and [`Health`] says so.
///
/// It lags behind the topic by moments: whoever needs the state of a point in time asks elsewhere.
/// Partitions that a topic is given later are not followed.
pub struct View<E: Event> {
    held: Arc<Held<E>>,
    read: watch::Receiver<bool>,
    read_to: Arc<ReadTo>,
    probe: Arc<Probe>,
    _following: Arc<Following>,
}

/// Bounds of a view, and where it reports to.
#[derive(Clone, Debug)]
pub struct ViewSettings {
    /// Keys that it holds. What is said of one more is passed over, and readiness names the topic from
    /// then on: the view lacks something until it is made anew, with room for it.
    pub most_keys: usize,
    /// Where it is told that the view isn't read yet or lacks keys (the part is named as the topic), and
    /// that `kafka` or `registry` is away.
    pub health: Health,
}

impl Default for ViewSettings {
    fn default() -> Self {
        Self { most_keys: 1_000_000, health: Health::default() }
    }
}

impl<E: Event> View<E> {
    /// Begins to read the topic of `E`. A part that is away is an error here: to wait for it, use
    /// [`wait_out`](crate::wait_out). Needs a Tokio runtime to live on.
    pub async fn follow(config: &Config, settings: ViewSettings) -> Result<Self, ViewError> {
        let registry = Registry::new(config)?;
        let probe = Probe::new(config)?;
        let read_to = Arc::new(ReadTo::nothing_of(probe.partitions(E::TOPIC).await?));
        let held = Arc::new(Held::new(settings.most_keys));
        let (told, read) = watch::channel(false);
        let follower = Follower::start(
            config,
            registry,
            Arc::clone(&held),
            Arc::clone(&read_to),
            settings.health,
            told,
        )?;
        let following = Arc::new(Following(tokio::spawn(follower.run())));
        Ok(Self { held, read, read_to, probe: Arc::new(probe), _following: following })
    }

    /// What is said of a key now. Never waits for a record to be decoded.
    pub fn get(&self, key: &str) -> Option<Arc<E>> {
        self.held.get(key)
    }

    /// Everything that is said now, in no order. Takes as long as there are keys: for what is made of all of
    /// them now and then, as [`changes`](Self::changes) says, and not for each request. What changes
    /// meanwhile is in it or not.
    pub fn all(&self) -> Vec<Arc<E>> {
        self.held.all()
    }

    /// Grows with each change: what was made of [`all`](Self::all) is as new as the view while this is what it
    /// was before.
    pub fn changes(&self) -> u64 {
        self.held.changes()
    }

    /// The partitions that these keys are in, as the usual partitioner chooses them.
    pub fn partitions_of(&self, keys: &[&str]) -> BTreeSet<i32> {
        let all = self.read_to.partitions().end;
        keys.iter().map(|key| partition_of_key(key.as_bytes(), all)).collect()
    }

    /// The offset up to which there is something to read in a partition now; asks the cluster.
    pub async fn end_of(&self, partition: i32) -> Result<i64, KafkaError> {
        let at = TopicPartition { topic: E::TOPIC.into(), partition };
        self.probe.end_to_read(&at).await
    }

    /// Whether a partition was read up to that offset: everything is held then that it said of a key
    /// before. Until then, a key that isn't there may have been written before whatever asks for it. What
    /// can't be decoded, or found no room ([`is_overfull`](Self::is_overfull)), was read all the same.
    pub fn is_read_to(&self, partition: i32, end: i64) -> bool {
        end <= 0 || self.read_to.get(partition).is_some_and(|read_to| read_to >= end)
    }

    /// Keys that it holds.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// It holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// It was read past the ends that its partitions had when it began: until then a key that isn't
    /// there may only not have been read yet.
    pub fn is_read(&self) -> bool {
        *self.read.borrow()
    }

    /// Returns once it [`is_read`](View::is_read).
    pub async fn read_once(&self) {
        let mut read = self.read.clone();
        // Who tells of it goes only with the view.
        let _ = read.wait_for(|is_read| *is_read).await;
    }

    /// It had no room for some key: one that isn't there may be that one.
    pub fn is_overfull(&self) -> bool {
        self.held.is_overfull()
    }
}

impl<E: Event> Clone for View<E> {
    fn clone(&self) -> Self {
        Self {
            held: Arc::clone(&self.held),
            read: self.read.clone(),
            read_to: Arc::clone(&self.read_to),
            probe: Arc::clone(&self.probe),
            _following: Arc::clone(&self._following),
        }
    }
}

impl<E: Event> fmt::Debug for View<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No values: they may be personal data.
        f.debug_struct("View")
            .field("of", &E::TYPE)
            .field("len", &self.len())
            .field("is_read", &self.is_read())
            .finish_non_exhaustive()
    }
}

/// Ends with the last clone.
struct Following(JoinHandle<()>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why a topic can't be followed.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The brokers, or the topic isn't there.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The registry's client.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}
