//! Reading partitions of one topic without a group, and being told where each ends: nothing is
//! committed, nobody is disturbed. Partitions are taken up while it reads.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, mpsc as blocking},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError as Native, KafkaResult},
};
use tokio::sync::mpsc;

use super::{
    KafkaError,
    bootstrap::Bootstrap,
    client::{self, Logged},
    errors, ffi,
    names::Names,
    watch::Suspicion,
};
use crate::{Config, record::InRecord};

/// What a [`Reader`] comes to.
pub(crate) enum Read {
    Record(InRecord),
    /// All that was in a partition has been read; the offset is that of what comes next.
    End(i32, i64),
}

/// Reads until it is dropped.
pub(crate) struct Reader {
    orders: blocking::Sender<Order>,
    read: mpsc::Receiver<Result<Read, KafkaError>>,
}

/// Orders a [`Reader`], while somebody else listens to it.
#[derive(Clone)]
pub(crate) struct ReaderOrders(blocking::Sender<Order>);

/// A partition, from an offset on; `None`: from the oldest record kept.
type Order = (i32, Option<i64>);

/// Records read and not yet taken.
const MOST_WAITING: usize = 1_024;
/// From one client of a reader to its next.
const BETWEEN_CLIENTS: Duration = Duration::from_secs(10);
/// Longest that the library takes to begin elsewhere.
const LONGEST_SEEK: Duration = Duration::from_secs(5);
/// Longest until an order is looked at.
const LONGEST_POLL: Duration = Duration::from_millis(20);

impl Reader {
    /// Of `topic`; it reads nothing yet.
    pub(crate) fn of(config: &Config, topic: &str) -> Result<Self, KafkaError> {
        Self::suspecting(config, topic, Suspicion::default())
    }

    /// The same; signs that the brokers are away are told there.
    pub(crate) fn suspecting(
        config: &Config,
        topic: &str,
        suspicion: Suspicion,
    ) -> Result<Self, KafkaError> {
        let mut names = Names::of(config);
        names.add(topic);
        let mut native = client::base(config, "orderly-reader");
        native.set("queued.min.messages", "1000").set("queued.max.messages.kbytes", "4096");
        for (name, value) in &config.consumer_properties {
            native.set(name, value);
        }
        let fixed = [
            // Never joined, never committed to: the library wants a name before it lets us read.
            ("group.id", "orderly-reader"),
            ("enable.auto.commit", "false"),
            ("auto.offset.reset", "earliest"),
            ("enable.partition.eof", "true"),
        ];
        // What belongs to a group's member means nothing here, and may be refused.
        let native = client::finish_ungrouped(native, config, &fixed)?;
        let consumer = create(&native).map_err(|e| KafkaError::failed("creating a reader", &e))?;
        let (orders, taken) = blocking::channel();
        let (sender, read) = mpsc::channel(MOST_WAITING);
        let oldest = client::oldest(config);
        let work = Work {
            consumer,
            known: Bootstrap::of(&native),
            native,
            renewal: Renewal::default(),
            topic: names.there(topic).into_owned().into(),
            names,
            next: HashMap::new(),
            end: None,
            unsure: HashMap::new(),
            told: HashMap::new(),
            oldest,
            suspicion,
        };
        thread::Builder::new()
            .name("orderly-reader".into())
            .spawn(move || work.run(&taken, &sender))
            .map_err(|e| KafkaError::Failed {
                doing: "starting a reader's thread".into(),
                why: e.to_string(),
            })?;
        Ok(Self { orders, read })
    }

    /// Reads a partition from an offset on; `None`: from the oldest record kept.
    pub(crate) fn read(&self, partition: i32, from: Option<i64>) {
        self.orders().read(partition, from);
    }

    pub(crate) fn orders(&self) -> ReaderOrders {
        ReaderOrders(self.orders.clone())
    }

    /// What comes next; `None` once it can't go on, after it said why.
    pub(crate) async fn next(&mut self) -> Option<Result<Read, KafkaError>> {
        self.read.recv().await
    }
}

impl ReaderOrders {
    pub(crate) fn read(&self, partition: i32, from: Option<i64>) {
        // A reader that can't go on said so to who listens.
        let _ = self.0.send((partition, from));
    }
}

fn create(native: &ClientConfig) -> KafkaResult<BaseConsumer<Logged>> {
    native.create_with_context(Logged::default())
}

struct Work {
    native: ClientConfig,
    consumer: BaseConsumer<Logged>,
    renewal: Renewal,
    known: Bootstrap,
    topic: Arc<str>,
    names: Names,
    /// By partition, the offset behind the last record that was read.
    next: HashMap<i32, i64>,
    /// An end that is reached and not told yet.
    end: Option<(i32, i64)>,
    /// By partition, an end that is known and maybe not reached.
    unsure: HashMap<i32, i64>,
    /// By partition, the end that was told last.
    told: HashMap<i32, i64>,
    oldest: Offset,
    suspicion: Suspicion,
}

/// When a reader had another client last, and the one of before, which closes.
#[derive(Default)]
struct Renewal {
    begun: Option<Instant>,
    closing: Option<JoinHandle<()>>,
}

impl Renewal {
    /// Several ask at once where nothing comes; and one that doesn't close is enough.
    fn may_begin(&self) -> bool {
        self.begun.is_none_or(|begun| begun.elapsed() > BETWEEN_CLIENTS)
            && self.closing.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn begin(&mut self, old: BaseConsumer<Logged>) {
        self.begun = Some(Instant::now());
        // Closing it waits for what keeps it.
        self.closing = Some(thread::spawn(move || drop(old)));
    }
}

impl Work {
    fn run(
        mut self,
        orders: &blocking::Receiver<Order>,
        sender: &mpsc::Sender<Result<Read, KafkaError>>,
    ) {
        loop {
            match orders.try_recv() {
                Ok(order) => {
                    if let Err(error) = self.obey(order) {
                        let doing = format!("reading `{}`", self.topic);
                        let _ = sender.blocking_send(Err(KafkaError::failed(doing, &error)));
                        return;
                    }
                    continue;
                }
                Err(blocking::TryRecvError::Disconnected) => return,
                Err(blocking::TryRecvError::Empty) if sender.is_closed() => return,
                Err(blocking::TryRecvError::Empty) => {}
            }
            self.known.look(self.consumer.client());
            let Some(read) = self.poll() else { continue };
            if sender.blocking_send(read).is_err() {
                return;
            }
        }
    }

    fn poll(&mut self) -> Option<Result<Read, KafkaError>> {
        if let Some((partition, next)) = self.end.take() {
            return self.end_at(partition, next);
        }
        match self.consumer.poll(LONGEST_POLL)? {
            Ok(message) => {
                let record = self.names.take(&message);
                let (partition, next) = (record.at().partition.partition, record.at().offset + 1);
                if self.next.get(&partition).is_some_and(|at| next <= *at) {
                    // It was looked at again.
                    return None;
                }
                self.next.insert(partition, next);
                // The library tells of an end when a fetch comes back empty: never, where records
                // come faster than a fetch waits for them.
                let end = ffi::known_end(self.consumer.client(), &self.topic, partition);
                self.end = end.filter(|end| *end <= next).map(|_| (partition, next));
                Some(Ok(Read::Record(record)))
            }
            Err(Native::PartitionEOF(partition)) => {
                let next = *self.next.get(&partition)?;
                let end = ffi::known_end(self.consumer.client(), &self.topic, partition);
                match (self.unsure.remove(&partition), end) {
                    (Some(end), _) => self.end_at(partition, next.max(end)),
                    (None, Some(end)) if end > next => self.look_again(partition, next, end),
                    (None, _) => self.end_at(partition, next),
                }
            }
            Err(error) if errors::is_transient(&error) => {
                self.suspicion.weigh(&error);
                client::log_client_error(&error, "while reading");
                None
            }
            Err(error) => {
                Some(Err(KafkaError::failed(format!("reading `{}`", self.topic), &error)))
            }
        }
    }

    fn end_at(&mut self, partition: i32, next: i64) -> Option<Result<Read, KafkaError>> {
        let is_known = self.told.insert(partition, next) == Some(next);
        (!is_known).then_some(Ok(Read::End(partition, next)))
    }

    /// The library says that a partition was read to its end, and knows a later one by now: what lies
    /// between may be marks of transactions, which are no records, or records on their way. It doesn't
    /// say which end it means, so it is made to fetch from there once more: what was before the later one
    /// has come when it says so again.
    fn look_again(
        &mut self,
        partition: i32,
        next: i64,
        end: i64,
    ) -> Option<Result<Read, KafkaError>> {
        let offset = Offset::Offset(next);
        match self.consumer.seek(&self.topic, partition, offset, LONGEST_SEEK) {
            Ok(()) => {
                self.unsure.insert(partition, end);
                None
            }
            Err(error) => Some(Err(KafkaError::failed(
                format!("reading `{}` [{partition}] from {next} on", self.topic),
                &error,
            ))),
        }
    }

    /// Where it is read already and nothing came of it, its end is told again, and another client takes
    /// all up where they are: what keeps the old one from it may stay for ever.
    fn obey(&mut self, (partition, from): Order) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        if self.next.contains_key(&partition) {
            self.told.remove(&partition);
            if !self.renewal.may_begin() {
                return Ok(());
            }
            self.renewal.begin(mem::replace(&mut self.consumer, create(&self.native)?));
            for (partition, next) in &self.next {
                list.add_partition_offset(&self.topic, *partition, Offset::Offset(*next))?;
            }
        } else {
            let offset = from.map_or(self.oldest, Offset::Offset);
            list.add_partition_offset(&self.topic, partition, offset)?;
            self.next.insert(partition, from.unwrap_or(0));
        }
        self.consumer.incremental_assign(&list)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{
        OutRecord,
        kafka::{EmbeddedBroker, Producer, ProducerSettings, Suspicion},
        record::RecordHeaders,
    };

    fn producer(config: &Config) -> Producer {
        let settings = ProducerSettings {
            linger: Duration::ZERO,
            delivery_timeout: Duration::from_secs(10),
            most_records: 10,
            most_kib: 100,
        };
        Producer::new(config, "test", settings, Suspicion::default()).unwrap()
    }

    fn thing(partition: i32) -> OutRecord {
        OutRecord {
            topic: "things".into(),
            partition: Some(partition),
            key: Some(b"k".to_vec()),
            payload: Some(b"v".to_vec()),
            headers: RecordHeaders::default(),
            timestamp_ms: 0,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_end_is_told_behind_every_record_before_it() {
        const RECORDS: i64 = 3_000;
        let broker = EmbeddedBroker::start([("things", 1)]).unwrap();
        let config = broker.config("http://127.0.0.1:1");
        let producer = producer(&config);
        let mut reader = Reader::of(&config, "things").unwrap();
        reader.read(0, None);
        let writing = async {
            for _ in 0..RECORDS {
                producer.deliver(&thing(0)).await.unwrap();
            }
        };
        let reading = async {
            let (mut came, mut ends) = (0, 0);
            while came < RECORDS {
                match reader.next().await.unwrap().unwrap() {
                    Read::Record(record) => {
                        assert_eq!(record.at().offset, came);
                        came += 1;
                    }
                    Read::End(_, end) => {
                        assert_eq!(end, came);
                        ends += 1;
                    }
                }
            }
            ends
        };
        let both = async { tokio::join!(writing, reading) };
        let ((), ends) = tokio::time::timeout(Duration::from_secs(300), both).await.unwrap();
        assert!(ends > 10, "{ends} ends");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_asked_for_again_is_read_on_and_nothing_twice() {
        let broker = EmbeddedBroker::start([("things", 2)]).unwrap();
        let config = broker.config("http://127.0.0.1:1");
        let producer = producer(&config);
        let write = async |partition| {
            producer.deliver(&thing(partition)).await.unwrap();
        };
        let mut reader = Reader::of(&config, "things").unwrap();
        for partition in [0, 1] {
            write(partition).await;
            reader.read(partition, None);
        }
        let mut seen = Vec::new();
        let mut until_ends = async |reader: &mut Reader, ends: usize| {
            let mut told = 0;
            while told < ends {
                match reader.next().await.unwrap().unwrap() {
                    Read::Record(record) => {
                        let at = record.at();
                        seen.push((at.partition.partition, at.offset));
                    }
                    Read::End(..) => told += 1,
                }
            }
            seen.sort_unstable();
            seen.clone()
        };
        assert_eq!(until_ends(&mut reader, 2).await, [(0, 0), (1, 0)]);
        // Its end is told again, also where nothing is new.
        reader.read(0, None);
        assert_eq!(until_ends(&mut reader, 1).await, [(0, 0), (1, 0)]);
        write(0).await;
        write(1).await;
        assert_eq!(until_ends(&mut reader, 2).await, [(0, 0), (0, 1), (1, 0), (1, 1)]);
    }
}
