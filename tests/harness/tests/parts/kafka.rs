use std::time::Duration;

use orderly_harness::{Kafka, Way, need, parts};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::metadata::Metadata;
use rdkafka::producer::{BaseRecord, ProducerContext, ThreadedProducer};
use tokio::sync::oneshot;

use crate::eventually::eventually;

/// For what must be answered: a broker that has just started is slow at first.
const PATIENCE: Duration = Duration::from_secs(60);
/// For what mustn't be.
const NOT_WITHIN: Duration = Duration::from_secs(5);

pub fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("log_level", "0")
        .set("reconnect.backoff.max.ms", "500");
    config
}

pub async fn create(bootstrap: &str, topic: &str, partitions: i32, replicas: i32) {
    let admin: AdminClient<DefaultClientContext> = client(bootstrap).create().unwrap();
    let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(replicas));
    let made = admin
        .create_topics([&topic], &AdminOptions::new().operation_timeout(Some(PATIENCE)))
        .await
        .unwrap();
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}

/// On a thread of its own: the client's call waits.
async fn metadata(
    bootstrap: &str,
    topic: Option<&str>,
    within: Duration,
) -> Result<Metadata, KafkaError> {
    let (bootstrap, topic) = (bootstrap.to_owned(), topic.map(str::to_owned));
    let ask = move || {
        let consumer: BaseConsumer = client(&bootstrap).create()?;
        consumer.fetch_metadata(topic.as_deref(), within)
    };
    tokio::task::spawn_blocking(ask).await.unwrap()
}

async fn topics(bootstrap: &str) -> Vec<String> {
    let known = metadata(bootstrap, None, PATIENCE).await.unwrap();
    known.topics().iter().map(|topic| topic.name().to_owned()).collect()
}

/// Replicas in sync of each partition.
async fn in_sync(bootstrap: &str, topic: &str) -> Vec<Vec<i32>> {
    let Ok(known) = metadata(bootstrap, Some(topic), PATIENCE).await else { return Vec::new() };
    known.topics()[0].partitions().iter().map(|p| p.isr().to_vec()).collect()
}

/// Gives each record's outcome to whoever waits for it.
struct Answers;

impl rdkafka::ClientContext for Answers {}

impl ProducerContext for Answers {
    type DeliveryOpaque = Box<oneshot::Sender<Result<(), KafkaError>>>;

    fn delivery(&self, outcome: &DeliveryResult<'_>, acknowledged: Self::DeliveryOpaque) {
        let _ = acknowledged.send(outcome.as_ref().map(drop).map_err(|(e, _)| e.clone()));
    }
}

#[tokio::test]
async fn a_broker_killed_and_started_again_has_its_topics() {
    let kafka = need!(Kafka::start(1).await);
    create(kafka.bootstrap(), "kept", 2, 1).await;
    kafka.kill(1).await.unwrap();
    assert!(kafka.pid(1).is_err());
    assert!(metadata(kafka.bootstrap(), None, NOT_WITHIN).await.is_err());
    assert!(kafka.kill(1).await.is_err(), "it is gone already");
    kafka.start_again(1).await.unwrap();
    assert!(topics(kafka.bootstrap()).await.contains(&"kept".to_owned()));
    assert!(kafka.start_again(1).await.unwrap_err().to_string().contains("already runs"));
    kafka.stop(1).await.unwrap();
    kafka.start_again(1).await.unwrap();
    assert!(topics(kafka.bootstrap()).await.contains(&"kept".to_owned()));
}

#[tokio::test]
async fn a_paused_broker_answers_nothing_until_it_is_resumed() {
    let kafka = need!(Kafka::start(1).await);
    create(kafka.bootstrap(), "paused", 1, 1).await;
    kafka.pause(1).await.unwrap();
    assert!(metadata(kafka.bootstrap(), None, NOT_WITHIN).await.is_err());
    kafka.resume(1).await.unwrap();
    eventually("the broker answers", async || {
        metadata(kafka.bootstrap(), None, NOT_WITHIN).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn three_brokers_take_records_while_any_one_is_dead() {
    let kafka = need!(Kafka::start(3).await);
    assert_eq!(kafka.nodes(), [1, 2, 3]);
    create(kafka.bootstrap(), "orders", 6, 3).await;
    let producer: ThreadedProducer<Answers> =
        client(kafka.bootstrap()).set("acks", "all").create_with_context(Answers).unwrap();
    for node in kafka.nodes() {
        let all = async || {
            let replicas = in_sync(kafka.bootstrap(), "orders").await;
            replicas.len() == 6 && replicas.iter().all(|isr| isr.len() == 3)
        };
        eventually("every partition has three replicas in sync", all).await;
        kafka.kill(node).await.unwrap();
        for partition in 0..6 {
            let (acknowledged, answer) = oneshot::channel();
            let record =
                BaseRecord::with_opaque_to("orders", Box::new(acknowledged)).partition(partition);
            producer.send(record.key("k").payload("x")).map_err(|(e, _)| e).unwrap();
            answer.await.unwrap().expect("two of three are enough");
        }
        kafka.start_again(node).await.unwrap();
    }
}

#[tokio::test]
async fn two_clusters_run_side_by_side() {
    let (one, other) = (tokio::spawn(Kafka::start(1)), tokio::spawn(Kafka::start(1)));
    let (one, other) = (need!(one.await.unwrap()), need!(other.await.unwrap()));
    assert_ne!(one.bootstrap(), other.bootstrap());
    create(one.bootstrap(), "mine", 1, 1).await;
    assert!(!topics(other.bootstrap()).await.contains(&"mine".to_owned()));
}

#[tokio::test]
async fn tests_on_the_shared_broker_are_given_prefixes_of_their_own() {
    let (one, other) = (need!(parts::kafka().await), need!(parts::kafka().await));
    assert_eq!(one.bootstrap, other.bootstrap);
    assert_ne!(one.prefix, other.prefix);
    let topic = format!("{}orders", one.prefix);
    create(&one.bootstrap, &topic, 1, 1).await;
    assert!(topics(&other.bootstrap).await.contains(&topic));
}

#[tokio::test]
async fn a_broker_that_there_is_not_is_named() {
    let kafka = need!(Kafka::start(1).await);
    assert_eq!(kafka.kill(2).await.unwrap_err().to_string(), "there is no broker 2");
    assert!(Kafka::start_by(Way::Process, 2).await.unwrap_err().is_broken());
}
