//! Reading topics from their beginning without a group: nothing is committed, nobody is
//! disturbed.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaResult,
};
use tokio::sync::mpsc;

use super::{
    KafkaError, Probe, Unread,
    bootstrap::Bootstrap,
    client::{self, Logged},
    errors,
    fetched::Reading,
    names::Names,
};
use crate::{
    Config,
    record::{InRecord, TopicPartition},
};

/// Records read and not yet taken.
const MOST_WAITING: usize = 4_096;
/// After so long without a record of a partition it is asked whether there are any: after a lost connection
/// the library sometimes doesn't fetch one any more.
const SILENCE: Duration = Duration::from_secs(5);
/// Longest that a broker is waited for with that.
const PATIENCE: Duration = Duration::from_millis(500);

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
        let mut starts = Vec::new();
        for topic in topics {
            let name: Arc<str> = (*topic).into();
            for partition in 0..probe.partitions(topic).await? {
                let partition = TopicPartition { topic: Arc::clone(&name), partition };
                starts.push((partition, client::oldest(config)));
            }
        }
        Self::start(config, &starts)
    }

    /// Begins at the given offset of each given partition.
    pub fn from(config: &Config, starts: &[(TopicPartition, i64)]) -> Result<Self, KafkaError> {
        let starts: Vec<_> =
            starts.iter().map(|(at, offset)| (at.clone(), Offset::Offset(*offset))).collect();
        Self::start(config, &starts)
    }

    fn start(config: &Config, starts: &[(TopicPartition, Offset)]) -> Result<Self, KafkaError> {
        let mut assignment = TopicPartitionList::new();
        let mut names = Names::of(config);
        for (at, offset) in starts {
            assignment
                .add_partition_offset(&names.there(&at.topic), at.partition, *offset)
                .map_err(|e| KafkaError::failed(format!("reading `{}`", at.topic), &e))?;
            names.add(&at.topic);
        }
        let mut native = client::base(config, "orderly-tail");
        for (name, value) in &config.consumer_properties {
            native.set(name, value);
        }
        native.set("auto.offset.reset", "error");
        // Never joined, never committed to: the library wants a name before it lets us read.
        let fixed = [("group.id", "orderly-tail"), ("enable.auto.commit", "false")];
        // What belongs to a group's member means nothing here, and may be refused.
        let native = client::finish_ungrouped(native, config, &fixed)?;
        let known = Bootstrap::of(&native);
        let consumer: BaseConsumer<Logged> = native
            .create_with_context(Logged::default())
            .map_err(|e| KafkaError::failed("creating a reader", &e))?;
        consumer
            .incremental_assign(&assignment)
            .map_err(|e| KafkaError::failed("assigning partitions", &e))?;
        let now = Instant::now();
        let readings = starts.iter().map(|(at, from)| (at.clone(), Reading::beginning(*from, now)));
        let work = Work { consumer, known, names, readings: readings.collect() };
        let (sender, records) = mpsc::channel(MOST_WAITING);
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = std::thread::Builder::new()
            .name("orderly-tail".into())
            .spawn(move || work.run(&sender, &stop))
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

struct Work {
    consumer: BaseConsumer<Logged>,
    known: Bootstrap,
    names: Names,
    /// How far each partition was read.
    readings: HashMap<TopicPartition, Reading>,
}

impl Work {
    fn run(mut self, sender: &mpsc::Sender<Result<InRecord, KafkaError>>, stopping: &AtomicBool) {
        while !stopping.load(Ordering::Relaxed) {
            self.known.look(self.consumer.client());
            let read = match self.consumer.poll(Duration::from_millis(100)) {
                // While records are there, those of some partitions may wait behind others'.
                None => match self.look_at_silence() {
                    Ok(()) => continue,
                    Err(error) => Err(KafkaError::failed("reading anew", &error)),
                },
                Some(Ok(message)) => match self.took(self.names.take(&message)) {
                    Some(record) => Ok(record),
                    None => continue,
                },
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

    /// `None`: it was read before.
    fn took(&mut self, record: InRecord) -> Option<InRecord> {
        let at = record.at();
        if let Some(reading) = self.readings.get_mut(&at.partition) {
            if reading.next_offset().is_some_and(|next| at.offset < next) {
                return None;
            }
            reading.took(at.offset, Instant::now());
        }
        Some(record)
    }

    /// Partitions of which nothing came although there is something, are read anew.
    fn look_at_silence(&mut self) -> KafkaResult<()> {
        let now = Instant::now();
        for (at, reading) in &mut self.readings {
            if !reading.is_silent(now, SILENCE) {
                continue;
            }
            let topic = self.names.there(&at.topic);
            let ends = self.consumer.fetch_watermarks(&topic, at.partition, PATIENCE);
            // Where nobody answers, all are asked again later.
            let Ok(ends) = ends else { break };
            let next = reading.next_offset();
            let unread = Unread::found(at.clone(), next, ends);
            let Some(unread) = unread.filter(|_| reading.may_restart(next)) else { continue };
            tracing::warn!(%at, next, end = unread.end, "nothing is fetched of it: reads it anew");
            let (mut ending, mut starting) = (TopicPartitionList::new(), TopicPartitionList::new());
            ending.add_partition(&topic, at.partition);
            starting.add_partition_offset(&topic, at.partition, reading.next())?;
            self.consumer.incremental_unassign(&ending)?;
            self.consumer.incremental_assign(&starting)?;
        }
        Ok(())
    }
}
