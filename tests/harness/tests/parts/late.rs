//! A transactional client behind a line, on a real broker: what a late EndTxn does to it (KAFKA-17754),
//! and what the client library does where an answer is lost. The SDK's exactly-once mode rests on both.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use orderly_harness::{Api, Kafka, Line, Then, Until, Whose, need};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use crate::eventually::eventually;
use crate::kafka::{client, create};

const PATIENCE: Duration = Duration::from_secs(60);
/// Errors of Kafka's protocol by which a newer producer of the same id makes itself felt.
const FENCED: [i16; 2] = [47, 90];

/// What the library told beside what its calls returned.
#[derive(Clone, Default)]
struct Heard {
    /// Facility and text.
    lines: Arc<Mutex<Vec<(String, String)>>>,
    errors: Arc<Mutex<Vec<String>>>,
}

impl Heard {
    fn has(&self, facility: &str, text: &str) -> bool {
        let lines = self.lines.lock().unwrap();
        lines.iter().any(|(of, line)| of == facility && line.contains(text))
    }
}

impl ClientContext for Heard {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, text: &str) {
        self.lines.lock().unwrap().push((facility.to_owned(), text.to_owned()));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.errors.lock().unwrap().push(format!("{error}: {reason}"));
    }
}

impl ProducerContext for Heard {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// A bare producer of that transactional id, initialised.
struct Transactional {
    native: Arc<ThreadedProducer<Heard>>,
    heard: Heard,
}

impl Transactional {
    async fn init(kafka: &Kafka, id: &str) -> Self {
        let heard = Heard::default();
        let mut config = client(kafka.bootstrap());
        config.set("transactional.id", id).set("socket.timeout.ms", "2000");
        config.set("debug", "eos,broker").set_log_level(RDKafkaLogLevel::Debug);
        let native = Arc::new(config.create_with_context(heard.clone()).unwrap());
        let producer = Self { native, heard };
        producer.call(|native| native.init_transactions(PATIENCE)).await.unwrap();
        producer
    }

    /// On a thread of its own: the client's calls wait.
    async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&ThreadedProducer<Heard>) -> T + Send + 'static,
    ) -> T {
        let native = Arc::clone(&self.native);
        tokio::task::spawn_blocking(move || call(&native)).await.unwrap()
    }

    /// Begins a transaction; the record in it is acknowledged.
    async fn begin_with(&self, value: &'static str) {
        let begin = move |native: &ThreadedProducer<Heard>| {
            native.begin_transaction()?;
            let record = BaseRecord::to("out").partition(0).key("k").payload(value);
            native.send(record).map_err(|(e, _)| e)?;
            native.flush(PATIENCE)
        };
        self.call(begin).await.unwrap();
    }

    async fn commit(&self) -> KafkaResult<()> {
        self.call(|native| native.commit_transaction(PATIENCE)).await
    }

    async fn abort(&self) -> KafkaResult<()> {
        self.call(|native| native.abort_transaction(PATIENCE)).await
    }
}

/// Everything in `out` that `read_committed` sees.
async fn visible(kafka: &Kafka) -> Vec<String> {
    let mut config = client(kafka.bootstrap());
    config.set("group.id", "reader").set("enable.partition.eof", "true");
    let read = move || {
        let consumer: BaseConsumer = config.create().unwrap();
        let mut all = TopicPartitionList::new();
        all.add_partition_offset("out", 0, Offset::Beginning).unwrap();
        consumer.assign(&all).unwrap();
        let mut values = Vec::new();
        loop {
            match consumer.poll(PATIENCE).expect("a record or the end") {
                Ok(record) => {
                    values.push(String::from_utf8_lossy(record.payload().unwrap()).into_owned());
                }
                Err(KafkaError::PartitionEOF(_)) => return values,
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

async fn cluster() -> Result<(Kafka, Line), orderly_harness::NotRun> {
    let (kafka, line) = Kafka::start_behind_a_line(1).await?;
    create(kafka.bootstrap(), "out", 1, 1).await;
    create(kafka.bootstrap(), "in", 1, 1).await;
    Ok((kafka, line))
}

/// Its EndTxn is held; it asks again, and takes the answer to that for the end of it.
async fn commit_while_held(line: &Line, producer: &Transactional) -> Arc<orderly_harness::Hold> {
    let before = line.passed(Api::EndTxn);
    let held = line.hold_end_txn(Whose::AnyTransaction, Then::Cut, Until::Told);
    producer.commit().await.expect("the second try");
    assert!(held.has_struck());
    assert_eq!(line.passed(Api::EndTxn) - before, 1);
    held
}

#[tokio::test]
async fn a_late_end_txn_commits_the_next_transaction_of_a_client_that_goes_on_with_its_producer() {
    let (kafka, line) = need!(cluster().await);
    let producer = Transactional::init(&kafka, "naive").await;
    producer.begin_with("one").await;
    let held = commit_while_held(&line, &producer).await;
    producer.begin_with("two").await;
    assert_eq!(visible(&kafka).await, ["one"]);
    assert_eq!(held.let_go().await.unwrap(), 0, "taken for the open transaction's");
    eventually("a record of a transaction that nobody committed is seen", async || {
        visible(&kafka).await == ["one", "two"]
    })
    .await;
    let KafkaError::Transaction(refused) = producer.abort().await.unwrap_err() else { panic!() };
    assert!(refused.is_fatal(), "{refused}");
    assert_eq!(visible(&kafka).await, ["one", "two"], "though it was aborted");
}

#[tokio::test]
async fn a_late_end_txn_is_refused_where_its_client_went_on_with_a_new_producer() {
    let (kafka, line) = need!(cluster().await);
    let producer = Transactional::init(&kafka, "careful").await;
    producer.begin_with("one").await;
    let held = commit_while_held(&line, &producer).await;
    drop(producer);
    let producer = Transactional::init(&kafka, "careful").await;
    producer.begin_with("two").await;
    let answer = held.let_go().await.unwrap();
    assert!(FENCED.contains(&answer), "{answer}");
    producer.abort().await.unwrap();
    producer.begin_with("three").await;
    producer.commit().await.unwrap();
    assert_eq!(visible(&kafka).await, ["one", "three"]);
}

#[tokio::test]
async fn an_end_txn_that_comes_by_itself_comes_while_the_next_transaction_is_open() {
    let (kafka, line) = need!(cluster().await);
    let producer = Transactional::init(&kafka, "by-itself").await;
    let held = line.hold_end_txn(Whose::AnyTransaction, Then::Silence, Until::NextTransaction);
    producer.begin_with("one").await;
    producer.commit().await.expect("the second try, when the first has timed out");
    assert!(held.has_struck());
    producer.begin_with("two").await;
    assert_eq!(held.went(PATIENCE).await.unwrap(), 0);
    assert!(producer.abort().await.is_err());
    assert_eq!(visible(&kafka).await, ["one", "two"]);
}

/// A member of a group, whose generation the offsets go with.
async fn joined(kafka: &Kafka) -> Arc<BaseConsumer> {
    let mut config = client(kafka.bootstrap());
    config.set("group.id", "copier");
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&["in"]).unwrap();
    eventually("it has a partition", async || {
        consumer.poll(Duration::from_millis(100));
        consumer.assignment().unwrap().count() == 1
    })
    .await;
    Arc::new(consumer)
}

/// What the SDK's exactly-once mode watches for, and why it must: neither what the calls return nor the
/// client's errors say that a request may still be on its way.
#[tokio::test]
async fn the_library_asks_again_by_itself_and_only_its_log_tells() {
    let (kafka, line) = need!(cluster().await);
    let consumer = joined(&kafka).await;
    let (transport, timed_out) = ("(_TRANSPORT)", "(_TIMED_OUT)");
    let cases = [
        (Api::EndTxn, Then::Cut, transport, Some(("ENDTXN", "EndTxn returned _TRANSPORT"))),
        (Api::EndTxn, Then::Silence, timed_out, Some(("ENDTXN", "EndTxn returned _TIMED_OUT"))),
        (Api::AddOffsetsToTxn, Then::Cut, transport, Some(("ADDOFFSETS", "_TRANSPORT"))),
        (Api::TxnOffsetCommit, Then::Cut, transport, None),
        (Api::TxnOffsetCommit, Then::Silence, timed_out, None),
    ];
    for (number, (api, then, failed, precise)) in cases.into_iter().enumerate() {
        let producer = Transactional::init(&kafka, &format!("txn-{number}")).await;
        producer.begin_with("x").await;
        let before = line.passed(api);
        let lost = line.lose_answer(api, Whose::AnyTransaction, then);
        let (group, member) = (consumer.group_metadata().unwrap(), Arc::clone(&consumer));
        let offsets = move |native: &ThreadedProducer<Heard>| {
            let mut offsets = TopicPartitionList::new();
            offsets.add_partition_offset("in", 0, Offset::Offset(1))?;
            native.send_offsets_to_transaction(&offsets, &group, PATIENCE)
        };
        producer.call(offsets).await.unwrap();
        producer.commit().await.unwrap();
        member.poll(Duration::ZERO);
        assert!(lost.has_struck(), "{api:?} {then:?}");
        assert_eq!(line.passed(api) - before, 2, "{api:?} {then:?}");
        let heard = &producer.heard;
        eventually("the log tells", async || {
            heard.has("FAIL", failed) && precise.is_none_or(|(of, text)| heard.has(of, text))
        })
        .await;
        assert_eq!(*heard.errors.lock().unwrap(), [""; 0], "{api:?} {then:?}");
    }
}
