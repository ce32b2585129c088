//! Broker, database, the records that are committed, and the relay on them.

pub mod topic;
pub mod wire;

use std::{collections::HashMap, time::Duration};

use orderly_sdk::{Config, Health, OutRecord, kafka::EmbeddedBroker};
use orderly_stores::{Database, Outbox, outbox};
use outbox_relay::{RelayError, Settings};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use topic::Topic;
use wire::Wire;

/// What every wait is given; a relay that sleeps over a commit sleeps longer.
pub const PATIENCE: Duration = Duration::from_secs(120);
pub const LONGER_THAN_PATIENCE: Duration = Duration::from_secs(240);

/// A relay that was killed is missed for as long.
pub const SHORT_LEASE: Duration = Duration::from_secs(2);
/// Asked for once.
const LONG_LEASE: Duration = Duration::from_secs(180);

pub const TOPIC: &str = "said";

pub struct Parts {
    pub broker: EmbeddedBroker,
    pub config: Config,
    pub database: Database,
    /// What is in the topic.
    pub topic: Topic,
    pub url: String,
    _directory: TempDir,
}

impl Parts {
    pub async fn start(partitions: i32) -> Self {
        let broker = EmbeddedBroker::start([(TOPIC, partitions)]).unwrap();
        // No registry: the relay has nothing to ask it.
        let config = broker.config("http://127.0.0.1:1");
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("outbox.db").display());
        let database = Database::open(&url).unwrap();
        outbox::prepare(&database).await.unwrap();
        let topic = Topic::follow(&config).await;
        Self { broker, config, database, topic, url, _directory: directory }
    }

    /// The same database as another process sees it.
    pub fn database_elsewhere(&self) -> Database {
        Database::open(&self.url).unwrap()
    }

    /// Commits these in one transaction.
    pub async fn commit(&self, records: &[OutRecord]) {
        commit(&self.database, records).await;
    }

    /// Commits `count` records of `keys` keys, a few in a transaction, numbered from `from`.
    pub async fn commit_many(&self, from: usize, count: usize, keys: usize) {
        let records: Vec<_> =
            (from..from + count).map(|n| record(&format!("key-{}", n % keys), n)).collect();
        for some in records.chunks(7) {
            self.commit(some).await;
        }
    }

    pub async fn wire(&self) -> Wire {
        Wire::before(&self.broker).await
    }

    pub fn run(&self) -> Running {
        self.run_on(&self.config)
    }

    /// With that way to Kafka.
    pub fn run_on(&self, config: &Config) -> Running {
        self.run_polling(config, LONGER_THAN_PATIENCE)
    }

    pub fn run_polling(&self, config: &Config, poll: Duration) -> Running {
        self.run_leasing(config, poll, LONG_LEASE)
    }

    /// One that is soon replaced.
    pub fn run_to_be_killed(&self, config: &Config) -> Running {
        self.run_leasing(config, LONGER_THAN_PATIENCE, SHORT_LEASE)
    }

    fn run_leasing(&self, config: &Config, poll: Duration, lease: Duration) -> Running {
        let health = Health::of("outbox-relay");
        let (config, database) = (config.clone(), self.database.clone());
        let settings = Settings { config, database, poll, lease, health };
        let shutdown = CancellationToken::new();
        let relay = tokio::spawn(outbox_relay::run(settings, shutdown.clone()));
        Running { relay, shutdown }
    }

    /// Ids of the records that are in the outbox, in order.
    pub async fn outbox(&self) -> Vec<String> {
        let taken = Outbox::new(self.database.clone()).look(10_000).await.unwrap();
        taken.into_iter().map(|(_, record)| id_of(&record)).collect()
    }

    pub async fn until_outbox_is_empty(&self) {
        let outbox = Outbox::new(self.database.clone());
        let empty = async {
            let mut again = tokio::time::interval(Duration::from_millis(5));
            while !outbox.is_empty().await.unwrap() {
                again.tick().await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, empty).await.is_ok(), "{:?}", self.outbox().await);
    }

    pub async fn execute(&self, sql: &str) {
        let mut tx = self.database.begin().await.unwrap();
        tx.execute(sql, &[]).await.unwrap();
        tx.commit().await.unwrap();
    }
}

pub async fn commit(database: &Database, records: &[OutRecord]) {
    let mut tx = database.begin().await.unwrap();
    outbox::insert(&mut tx, records).await.unwrap();
    tx.commit().await.unwrap();
}

pub struct Running {
    relay: JoinHandle<Result<(), RelayError>>,
    pub shutdown: CancellationToken,
}

impl Running {
    /// Ends it where it is, without asking.
    pub async fn kill(self) {
        self.relay.abort();
        assert!(self.relay.await.unwrap_err().is_cancelled());
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.ended().await.unwrap();
    }

    pub async fn ended(self) -> Result<(), RelayError> {
        let ended = tokio::time::timeout(PATIENCE, self.relay).await;
        ended.expect("the relay goes on").unwrap()
    }
}

pub fn record(key: &str, number: usize) -> OutRecord {
    with_payload(key, number, number.to_string().into_bytes())
}

pub fn with_payload(key: &str, number: usize, payload: Vec<u8>) -> OutRecord {
    OutRecord {
        topic: TOPIC.into(),
        partition: None,
        key: Some(key.into()),
        payload: Some(payload),
        headers: [("ce_id", format!("{key}/{number}")), ("ce_type", "test.Said".to_owned())]
            .into_iter()
            .collect(),
        timestamp_ms: 1_700_000_000_000,
    }
}

fn id_of(record: &OutRecord) -> String {
    record.headers.get_str("ce_id").unwrap().to_owned()
}

/// Numbers by key, in the order of first occurrence; a repeat is the same under its id.
pub fn first_occurrences(ids: &[String]) -> HashMap<&str, Vec<usize>> {
    let mut numbers: HashMap<&str, Vec<usize>> = HashMap::new();
    for id in ids {
        let (key, number) = id.split_once('/').unwrap();
        let (of_key, number) = (numbers.entry(key).or_default(), number.parse().unwrap());
        if !of_key.contains(&number) {
            of_key.push(number);
        }
    }
    numbers
}

/// Every one of these numbers came, those of a key in their order.
pub fn assert_all_in_order(ids: &[String], count: usize) {
    let by_key = first_occurrences(ids);
    for (key, numbers) in &by_key {
        assert!(numbers.is_sorted(), "{key}: {numbers:?}");
    }
    let mut numbers: Vec<usize> = by_key.into_values().flatten().collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..count).collect::<Vec<_>>());
}
