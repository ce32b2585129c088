//! Reading topics from their beginning without a group: nothing is committed, nobody is
//! disturbed.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use rdkafka::{
    Message, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    message::BorrowedMessage,
};
use tokio::sync::mpsc;

use super::{
    KafkaError, Probe,
    client::{self, Logged},
    errors, ffi,
};
use crate::{
    Config,
    record::{Coordinates, InRecord, TopicPartition},
};

/// Records read and not yet taken.
const MOST_WAITING: usize = 4_096;

/// Reads every record of some topics, each partition in order, as they come.
pub struct Tail {
    records: mpsc::Receiver<Result<InRecord, KafkaError>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tail {
    /// Begins at the oldest record kept of every partition.
    pub async fn from_start(config: &Config, topics: &[&str]) -> Result<Self, KafkaError> {
        let probe = Probe::new(config)?;
        let mut assignment = TopicPartitionList::new();
        let mut names = Names::default();
        for topic in topics {
            for partition in 0..probe.partitions(topic).await? {
                assignment
                    .add_partition_offset(topic, partition, client::oldest(config))
                    .map_err(|e| KafkaError::failed(format!("reading `{topic}`"), &e))?;
            }
            names.add(topic);
        }
        let mut native = client::base(config, "orderly-tail");
        for (name, value) in &config.consumer_properties {
            native.set(name, value);
        }
        native.set("auto.offset.reset", "error");
        // Never joined, never committed to: the library wants a name before it lets us read.
        let fixed = [("group.id", "orderly-tail"), ("enable.auto.commit", "false")];
        let native = client::finish(native, config, &fixed)?;
        let consumer: BaseConsumer<Logged> = native
            .create_with_context(Logged)
            .map_err(|e| KafkaError::failed("creating a reader", &e))?;
        consumer.assign(&assignment).map_err(|e| KafkaError::failed("assigning partitions", &e))?;
        let (sender, records) = mpsc::channel(MOST_WAITING);
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = std::thread::Builder::new()
            .name("orderly-tail".into())
            .spawn(move || read(&consumer, &names, &sender, &stop))
            .map_err(|e| KafkaError::Failed {
                doing: "starting a reader's thread".into(),
                why: e.to_string(),
            })?;
        Ok(Self { records, stopping, thread: Some(thread) })
    }

    /// The next record. An error says that records were missed or the reader can't go on.
    pub async fn next(&mut self) -> Option<Result<InRecord, KafkaError>> {
        self.records.recv().await
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.records.close();
        // Closing the native reader blocks for a moment: its own thread does that, unawaited.
        drop(self.thread.take());
    }
}

fn read(
    consumer: &BaseConsumer<Logged>,
    names: &Names,
    sender: &mpsc::Sender<Result<InRecord, KafkaError>>,
    stopping: &AtomicBool,
) {
    while !stopping.load(Ordering::Relaxed) {
        let read = match consumer.poll(Duration::from_millis(100)) {
            None => continue,
            Some(Ok(message)) => Ok(names.take(&message)),
            Some(Err(error)) if errors::is_out_of_range(&error) => Err(KafkaError::Failed {
                doing: "reading from the start".into(),
                why: "records were removed before they were read".into(),
            }),
            Some(Err(error)) if errors::is_transient(&error) => {
                client::log_client_error(&error, "while reading");
                continue;
            }
            Some(Err(error)) => Err(KafkaError::failed("reading", &error)),
        };
        if sender.blocking_send(read).is_err() {
            break;
        }
    }
}

/// Topic names, shared by all their records.
#[derive(Default)]
pub(super) struct Names(HashMap<Box<str>, Arc<str>>);

impl Names {
    pub(super) fn add(&mut self, topic: &str) {
        self.0.insert(topic.into(), topic.into());
    }

    pub(super) fn name(&self, topic: &str) -> Arc<str> {
        self.0.get(topic).map_or_else(|| topic.into(), Arc::clone)
    }

    /// Copies a message out of the client library's memory.
    pub(super) fn take(&self, message: &BorrowedMessage<'_>) -> InRecord {
        let partition =
            TopicPartition { topic: self.name(message.topic()), partition: message.partition() };
        let at = Coordinates { partition, offset: message.offset() };
        let headers = ffi::headers(message);
        InRecord::new(
            at,
            message.timestamp().to_millis(),
            message.key(),
            message.payload(),
            headers,
        )
    }
}
