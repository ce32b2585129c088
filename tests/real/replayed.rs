//! `orderly replay to-topic` on a real broker: each record once and in its key's order, whatever becomes
//! of who copies; and nobody's groups are touched.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use orderly_harness::{need, parts};
use orderly_tests::services::build;
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    message::{Header, Headers as _, OwnedHeaders},
    producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer},
};
use serde_json::Value;

const PARTITIONS: i32 = 4;
const RECORDS: usize = 12_000;
const KEYS: usize = 50;
const PATIENCE: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(20);

/// What a record says, beside where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    timestamp: Option<i64>,
    headers: Vec<(String, Vec<u8>)>,
}

/// A cluster's topics of one's own.
struct Place {
    bootstrap: String,
    prefix: String,
}

impl Place {
    fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        config
    }

    async fn create(&self, name: &str, partitions: i32) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().unwrap();
        let name = self.topic(name);
        // Timestamps are kept, and a retention goes by them.
        let new =
            NewTopic::new(&name, partitions, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        let created = admin.create_topics(&[new], &AdminOptions::new()).await.unwrap();
        assert!(created.iter().all(Result::is_ok), "{created:?}");
    }

    /// Numbers from there on; every tenth is a tombstone, and every seventh says that it is a copy.
    fn write(&self, to: &str, numbers: std::ops::Range<usize>, as_copies: bool) {
        let producer: ThreadedProducer<DefaultProducerContext> = self
            .client()
            .set("enable.idempotence", "true")
            .set("queue.buffering.max.messages", "200000")
            .create()
            .unwrap();
        for number in numbers {
            self.send(&producer, to, number, as_copies && number.is_multiple_of(7));
        }
        producer.flush(PATIENCE).unwrap();
    }

    fn send(
        &self,
        producer: &ThreadedProducer<DefaultProducerContext>,
        to: &str,
        number: usize,
        is_copy: bool,
    ) {
        let (topic, key, value) =
            (self.topic(to), format!("key-{}", number % KEYS), number.to_string());
        let mut headers = OwnedHeaders::new().insert(Header { key: "n", value: Some(&value) });
        if is_copy {
            headers = headers.insert(Header { key: "replayed-from", value: Some("elsewhere-0@1") });
        }
        let mut record = BaseRecord::to(&topic)
            .key(&key)
            .headers(headers)
            .timestamp(1_700_000_000_000 + i64::try_from(number).unwrap());
        if !number.is_multiple_of(10) {
            record = record.payload(&value);
        }
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }

    /// In a transaction that comes to nothing.
    fn write_in_vain(&self, to: &str, count: usize) {
        let producer: ThreadedProducer<DefaultProducerContext> =
            self.client().set("transactional.id", self.topic("vain")).create().unwrap();
        producer.init_transactions(PATIENCE).unwrap();
        producer.begin_transaction().unwrap();
        (0..count).for_each(|number| self.send(&producer, to, 1_000_000 + number, false));
        producer.flush(PATIENCE).unwrap();
        producer.abort_transaction(PATIENCE).unwrap();
    }

    /// What read_committed sees, by partition, with its offsets.
    fn read(&self, name: &str) -> BTreeMap<i32, Vec<(i64, Said)>> {
        self.read_as(name, "read_committed")
    }

    fn read_as(&self, name: &str, isolation: &str) -> BTreeMap<i32, Vec<(i64, Said)>> {
        let topic = self.topic(name);
        let consumer: BaseConsumer = self
            .client()
            .set("group.id", "never-joined")
            .set("enable.auto.commit", "false")
            .set("isolation.level", isolation)
            .set("enable.partition.eof", "true")
            .create()
            .unwrap();
        let partitions = self.partitions(&consumer, &topic);
        let mut all = TopicPartitionList::new();
        for partition in 0..partitions {
            all.add_partition_offset(&topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&all).unwrap();
        let (mut read, mut ended) = (BTreeMap::<_, Vec<_>>::new(), BTreeSet::new());
        let deadline = Instant::now() + PATIENCE;
        while ended.len() < usize::try_from(partitions).unwrap() {
            assert!(Instant::now() < deadline, "`{topic}` isn't read to its end");
            match consumer.poll(MOMENT) {
                Some(Ok(message)) => {
                    let headers = message.headers().into_iter().flat_map(|them| them.iter());
                    let headers = headers
                        .map(|it| (it.key.to_owned(), it.value.unwrap_or_default().to_vec()))
                        .collect();
                    let said = Said {
                        key: message.key().map(<[u8]>::to_vec),
                        value: message.payload().map(<[u8]>::to_vec),
                        timestamp: message.timestamp().to_millis(),
                        headers,
                    };
                    read.entry(message.partition()).or_default().push((message.offset(), said));
                }
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(partition))) => {
                    ended.insert(partition);
                }
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
        read
    }

    fn partitions(&self, consumer: &BaseConsumer, topic: &str) -> i32 {
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
        i32::try_from(metadata.topics()[0].partitions().len()).unwrap()
    }

    /// Records written to a topic, be they committed or not.
    fn written(&self, name: &str) -> i64 {
        let topic = self.topic(name);
        let consumer: BaseConsumer =
            self.client().set("isolation.level", "read_uncommitted").create().unwrap();
        let end = |partition| consumer.fetch_watermarks(&topic, partition, PATIENCE).unwrap().1;
        (0..self.partitions(&consumer, &topic)).map(end).sum()
    }

    /// Groups that a replay may have left behind.
    fn groups(&self) -> Vec<String> {
        let consumer: BaseConsumer = self.client().create().unwrap();
        let groups = consumer.fetch_group_list(None, PATIENCE).unwrap();
        let names = groups.groups().iter().map(|it| it.name().to_owned());
        names.filter(|it| it.starts_with("orderly-") || it.contains(&self.prefix)).collect()
    }

    fn replay(&self, from: &str, to: &str, more: &[&str]) -> Child {
        let mut orderly = Command::new(build("orderly", &[]));
        orderly.args(["replay", "to-topic", &self.topic(from), &self.topic(to), "-o", "json"]);
        orderly.args(["--bootstrap", &self.bootstrap, "--registry", "http://127.0.0.1:1"]);
        orderly.args(more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn replay_to_its_end(&self, from: &str, to: &str, more: &[&str]) -> Value {
        let Output { status, stdout, stderr } =
            self.replay(from, to, more).wait_with_output().unwrap();
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        serde_json::from_slice(&stdout).unwrap()
    }

    /// The copies are all of the source as it is, once, each key in its order, and say what they are of.
    fn assert_copied(&self, from: &str, to: &str) {
        let mut expected = HashMap::<_, Vec<_>>::new();
        for (partition, records) in self.read(from) {
            for (offset, mut said) in records {
                let at = format!("{}-{partition}@{offset}", self.topic(from));
                said.headers.retain(|(name, _)| name != "replayed-from");
                said.headers.push(("replayed-from".into(), at.into_bytes()));
                expected.entry(said.key.clone()).or_default().push(said);
            }
        }
        let mut copied = HashMap::<_, Vec<_>>::new();
        for (_, said) in self.read(to).into_values().flatten() {
            copied.entry(said.key.clone()).or_default().push(said);
        }
        assert_eq!(copied.len(), expected.len());
        for (key, expected) in expected {
            let said: Vec<_> = copied[&key].iter().map(|said| &said.headers).collect();
            let wanted: Vec<_> = expected.iter().map(|said| &said.headers).collect();
            assert_eq!(said, wanted, "{key:?}");
            assert_eq!(copied[&key], expected);
        }
    }
}

async fn place(of: &str) -> Result<Place, orderly_harness::NotRun> {
    let kafka = parts::kafka().await?;
    Ok(Place { bootstrap: kafka.bootstrap.clone(), prefix: format!("{}{of}.", kafka.prefix) })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_killed_again_and_again_has_each_record_once() {
    let place = need!(place("killed").await);
    place.create("from", PARTITIONS).await;
    place.create("to", PARTITIONS).await;
    place.write("from", 0..RECORDS / 2, true);
    place.write_in_vain("from", 100);
    place.write("from", RECORDS / 2..RECORDS, true);
    let mut in_flight = Vec::new();
    for _ in 0..3 {
        let mut copying = place.replay("from", "to", &["--rate", "1000"]);
        // In the middle of the second transaction, or a later one.
        let enough = place.written("to") + 1_500;
        let deadline = Instant::now() + PATIENCE;
        while place.written("to") < enough {
            assert!(Instant::now() < deadline, "nothing comes");
            std::thread::sleep(MOMENT);
        }
        copying.kill().unwrap();
        copying.wait().unwrap();
        in_flight.push(place.written("to"));
    }
    let said = place.replay_to_its_end("from", "to", &[]);
    let all = place.read_as("to", "read_uncommitted").into_values().flatten().count();
    let aborted = all - RECORDS;
    println!(
        "killed when {in_flight:?} were written; aborted: {aborted}; the last run: {}",
        said["copied"]
    );
    let records = said["copied"]["records"].as_u64().unwrap();
    assert!(records > 0 && records < RECORDS as u64 - 1_500, "it began anew: {records}");
    assert!(aborted > 0, "none was killed in the middle of a transaction");
    assert_eq!(said["copied"]["offsets"], said["plan"]["offsets"]);
    place.assert_copied("from", "to");
    for (partition, records) in place.read("from") {
        let of_partition = &place.read("to")[&partition];
        assert_eq!(of_partition.len(), records.len(), "partition {partition}");
    }

    // All is there; then what came since, alone.
    assert_eq!(place.replay_to_its_end("from", "to", &[])["copied"]["records"], 0);
    place.write("from", RECORDS..RECORDS + 10, false);
    assert_eq!(place.replay_to_its_end("from", "to", &[])["copied"]["records"], 10);
    place.assert_copied("from", "to");
    assert_eq!(place.groups(), [""; 0], "a group was left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn into_other_partitions_each_key_keeps_its_order_and_a_dry_run_writes_nothing() {
    let place = need!(place("other").await);
    place.create("from", PARTITIONS).await;
    place.create("to", PARTITIONS + 3).await;
    place.write("from", 0..1_000, false);
    let plan = place.replay_to_its_end("from", "to", &["--dry-run"]);
    assert_eq!(
        (&plan["plan"]["offsets"], &plan["plan"]["keeps_partitions"]),
        (&1_000.into(), &false.into())
    );
    assert_eq!(place.written("to"), 0);
    assert_eq!(place.replay_to_its_end("from", "to", &[])["copied"]["records"], 1_000);
    place.assert_copied("from", "to");
    assert_eq!(place.read("to").len(), usize::try_from(PARTITIONS + 3).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_copies_at_once_the_younger_one_goes_on_and_the_other_says_so() {
    let place = need!(place("two").await);
    place.create("from", PARTITIONS).await;
    place.create("to", PARTITIONS).await;
    place.write("from", 0..2_000, false);
    let older = place.replay("from", "to", &["--rate", "100"]);
    let deadline = Instant::now() + PATIENCE;
    while place.written("to") == 0 {
        assert!(Instant::now() < deadline, "nothing comes");
        std::thread::sleep(MOMENT);
    }
    place.replay_to_its_end("from", "to", &[]);
    let Output { status, stderr, .. } = older.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("has taken over"), "{said}");
    place.assert_copied("from", "to");
}
