//! Bare clients that look at topics from outside: what is committed, what isn't, who is in sync.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use orderly_sdk::{
    Event,
    codec::{Schema, frame},
};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    message::BorrowedMessage,
};

use super::{Copied, Item, PARTITIONS, check::Lying, transform};

const MOMENT: Duration = Duration::from_millis(100);
/// Longest that a broker takes to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a reader gets to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// What is committed.
    Committed,
    /// Everything that was written.
    Uncommitted,
}

fn consumer(bootstrap: &str, isolation: Isolation) -> ClientConfig {
    let mut config = ClientConfig::new();
    let isolation = match isolation {
        Isolation::Committed => "read_committed",
        Isolation::Uncommitted => "read_uncommitted",
    };
    config
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "onlooker")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("isolation.level", isolation)
        .set("reconnect.backoff.max.ms", "500")
        .set("log_level", "0");
    config
}

/// From the first record of each partition.
fn assign(consumer: &BaseConsumer, topic: &str) {
    let mut all = TopicPartitionList::new();
    for partition in partitions() {
        all.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&all).unwrap();
}

fn partitions() -> std::ops::Range<i32> {
    0..i32::try_from(PARTITIONS).unwrap()
}

/// Reads a record as what it is.
struct Eyes {
    item: Schema,
    copy: Schema,
}

impl Eyes {
    fn open() -> Self {
        let [item, copy] = [Item::SCHEMA, Copied::SCHEMA].map(|it| Schema::parse(it).unwrap());
        Self { item, copy }
    }

    fn look(&self, message: &BorrowedMessage<'_>) -> Lying {
        let (_, datum) = frame::split(message.payload().unwrap()).unwrap();
        let Copied { key, number, seal } = match message.topic() {
            Item::TOPIC => transform(self.item.decode(datum).unwrap()),
            _ => self.copy.decode(datum).unwrap(),
        };
        assert_eq!(message.key(), Some(key.as_bytes()));
        let (partition, offset) = (message.partition(), message.offset());
        Lying { partition, offset, key, number, seal }
    }
}

/// A reader of what is committed that was there all along.
pub struct Along {
    read: Arc<Mutex<Vec<Lying>>>,
    is_stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Along {
    /// From the beginning of the topic on.
    pub fn read(bootstrap: &str, topic: &'static str) -> Self {
        let consumer: BaseConsumer = consumer(bootstrap, Isolation::Committed).create().unwrap();
        assign(&consumer, topic);
        let (read, is_stopped) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicBool>::default());
        let (seen, stopped) = (Arc::clone(&read), Arc::clone(&is_stopped));
        let thread = thread::spawn(move || {
            let eyes = Eyes::open();
            while !stopped.load(Ordering::Relaxed) {
                // It tries again by itself while brokers are away.
                if let Some(Ok(message)) = consumer.poll(MOMENT) {
                    let lying = eyes.look(&message);
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(lying);
                }
            }
        });
        Self { read, is_stopped, thread: Some(thread) }
    }

    /// Records so far.
    pub fn count(&self) -> usize {
        assert!(self.thread.as_ref().is_some_and(|it| !it.is_finished()), "the reader ended");
        self.seen().len()
    }

    /// Them.
    pub fn so_far(&self) -> Vec<Lying> {
        self.seen().clone()
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Lying>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Along {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A test that fails already says why.
            let _ = thread.join();
        }
    }
}

/// All of a topic that a new reader sees now. No transaction may be open in it any more.
pub async fn whole(bootstrap: &str, topic: &'static str, isolation: Isolation) -> Vec<Lying> {
    let consumer = consumer(bootstrap, isolation);
    on_a_thread(move || {
        let consumer: BaseConsumer = consumer.create().unwrap();
        assign(&consumer, topic);
        let (eyes, mut all) = (Eyes::open(), Vec::new());
        let (mut open, mut since) = (partitions().collect::<BTreeSet<_>>(), Instant::now());
        while !open.is_empty() {
            match consumer.poll(MOMENT) {
                Some(Ok(message)) => {
                    all.push(eyes.look(&message));
                    since = Instant::now();
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(open.remove(&partition)),
                _ => assert!(since.elapsed() < PATIENCE, "no end of {topic} {open:?}"),
            }
        }
        all
    })
    .await
}

/// Whether nothing in the topic waits for a transaction to end.
pub async fn is_settled(bootstrap: &str, topic: &'static str) -> bool {
    let [committed, all] =
        [Isolation::Committed, Isolation::Uncommitted].map(|it| consumer(bootstrap, it));
    on_a_thread(move || {
        let ends = |config: ClientConfig| -> Result<Vec<i64>, KafkaError> {
            let consumer: BaseConsumer = config.create()?;
            let end = |partition| consumer.fetch_watermarks(topic, partition, PATIENCE);
            partitions().map(|partition| end(partition).map(|(_, end)| end)).collect()
        };
        matches!((ends(committed), ends(all)), (Ok(stable), Ok(ends)) if stable == ends)
    })
    .await
}

/// The brokers that lead partitions of the topic, as often as they lead one.
pub async fn leaders(bootstrap: &str, topic: &'static str) -> Vec<i32> {
    let config = consumer(bootstrap, Isolation::Uncommitted);
    on_a_thread(move || {
        let consumer: BaseConsumer = config.create().unwrap();
        let known = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
        let led = known.topics().iter().flat_map(|topic| topic.partitions());
        led.map(|partition| partition.leader()).filter(|leader| *leader >= 0).collect()
    })
    .await
}

/// Whether each partition of each topic has so many replicas in sync.
pub async fn are_in_sync(bootstrap: &str, replicas: usize) -> bool {
    let config = consumer(bootstrap, Isolation::Uncommitted);
    on_a_thread(move || {
        let consumer: BaseConsumer = config.create().unwrap();
        let Ok(known) = consumer.fetch_metadata(None, PATIENCE) else { return false };
        known.topics().iter().all(|topic| {
            !topic.partitions().is_empty()
                && topic
                    .partitions()
                    .iter()
                    .all(|it| it.isr().len() == replicas && it.leader() >= 0)
        })
    })
    .await
}

/// The client's calls wait.
async fn on_a_thread<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(ask).await.unwrap()
}
