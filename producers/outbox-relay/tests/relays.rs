//! Several relays, each a process, on one outbox: killed and stopped at random.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use orderly_harness::{Kafka, Program, need, parts};
use orderly_sdk::{Config, Health, kafka::Admin, topics::TopicSpec};
use orderly_stores::{Database, Outbox, Tx, outbox};
use outbox_relay::Settings;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::parts::{PATIENCE, Parts, SHORT_LEASE, TOPIC, first_occurrences, record, topic::Topic};

/// What a relay of its own process reads: broker, prefix and database.
const CHILD: [&str; 3] =
    ["ORDERLY_TEST_RELAY_KAFKA", "ORDERLY_TEST_RELAY_PREFIX", "ORDERLY_TEST_RELAY_DATABASE"];
const KEYS: usize = 300;
const WRITERS: usize = 4;
const KILLS: usize = 12;
/// Until what a relay has written is read here; far below its lease.
const READ_WITHIN: Duration = Duration::from_millis(100);

/// The relay that is killed; else nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relay_child() {
    let [Ok(kafka), Ok(prefix), Ok(database)] = CHILD.map(std::env::var) else { return };
    let settings = Settings {
        config: Config::new(kafka, "http://127.0.0.1:1").with_prefix(prefix),
        database: Database::open(&database).unwrap(),
        poll: Duration::from_millis(5),
        lease: SHORT_LEASE,
        health: Health::of("outbox-relay"),
    };
    outbox_relay::run(settings, CancellationToken::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_relays_killed_at_random_on_sqlite_invert_and_lose_nothing() {
    let parts = Parts::start(3).await;
    let ground = Ground::on(parts.config.clone(), parts.url.clone()).await;
    ground.relays_are_killed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_relays_killed_at_random_on_kafka_and_postgres_invert_and_lose_nothing() {
    let (kafka, postgres) = (need!(parts::kafka().await), need!(parts::postgres().await));
    let ground = Ground::real(&kafka.bootstrap, kafka.prefix, 1, postgres.url()).await;
    ground.relays_are_killed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_stopped_for_longer_than_its_lease_only_repeats() {
    let (kafka, postgres) = (need!(parts::kafka().await), need!(parts::postgres().await));
    let ground = Ground::real(&kafka.bootstrap, kafka.prefix, 1, postgres.url()).await;
    ground.relays_are_stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_killed_under_it_invert_and_lose_nothing() {
    let (kafka, postgres) = (need!(Kafka::start(3).await), need!(parts::postgres().await));
    let ground = Ground::real(kafka.bootstrap(), String::new(), 3, postgres.url()).await;
    ground.leaders_are_killed(&kafka).await;
}

/// Broker, database and topic for relays of other processes.
struct Ground {
    config: Config,
    url: String,
    database: Database,
    topic: Topic,
}

impl Ground {
    async fn real(kafka: &str, prefix: String, copies: i32, url: &str) -> Self {
        let config = Config::new(kafka, "http://127.0.0.1:1").with_prefix(prefix);
        let topic = TopicSpec {
            name: TOPIC.into(),
            partitions: 3,
            replication: copies,
            properties: [("retention.ms", "-1".to_owned())].into(),
        };
        let created = Admin::new(&config).unwrap().create(&[topic]).await.unwrap();
        assert!(created.into_iter().all(|topic| topic.unwrap()));
        Self::on(config, url.to_owned()).await
    }

    async fn on(config: Config, url: String) -> Self {
        let database = Database::open(&url).unwrap();
        outbox::prepare(&database).await.unwrap();
        let mut tx = database.begin().await.unwrap();
        tx.execute("CREATE TABLE said (k BIGINT PRIMARY KEY, n BIGINT NOT NULL)", &[])
            .await
            .unwrap();
        for key in 0..KEYS {
            said(&mut tx, "INSERT INTO said (k, n) VALUES ($1, 0) RETURNING n", key).await;
        }
        tx.commit().await.unwrap();
        let topic = Topic::follow(&config).await;
        Self { config, url, database, topic }
    }

    /// Starts one more, and waits until it is among those that live.
    async fn relay(&self, number: usize) -> Relay {
        let known = self.relays().await;
        let values = [self.config.bootstrap.clone(), self.config.prefix.clone(), self.url.clone()];
        let process = Program::run(
            &format!("relay-{number}"),
            &std::env::current_exe().unwrap(),
            0,
            |_| ["--exact", "relays::relay_child", "--nocapture"].map(Into::into).to_vec(),
            CHILD.map(str::to_owned).into_iter().zip(values).collect(),
        );
        let process = process.unwrap();
        let mut name = None;
        until(&format!("a relay that lives: {}", process.printed()), async || {
            name = self.relays().await.difference(&known).next().cloned();
            name.is_some()
        })
        .await;
        Relay { process, name: name.unwrap() }
    }

    async fn relays(&self) -> HashSet<String> {
        let rows = self.database.query("SELECT relay FROM outbox_relays", &[]).await.unwrap();
        rows.iter().map(|row| row.get(0).unwrap()).collect()
    }

    /// Numbers of the records in a relay's buckets, by id.
    async fn rows_of(&self, relay: &Relay) -> Vec<String> {
        let sql = "SELECT o.record_key, o.payload FROM outbox AS o
            JOIN outbox_leases AS l ON l.bucket = o.bucket WHERE l.relay = $1";
        let rows = self.database.query(sql, &[relay.name.as_str().into()]).await.unwrap();
        let text = |row: &orderly_stores::Row, n| -> String {
            String::from_utf8(row.get::<Vec<u8>>(n).unwrap()).unwrap()
        };
        rows.iter().map(|row| format!("{}/{}", text(row, 0), text(row, 1))).collect()
    }

    /// Stops it where it has work; how much of that is in the topic and not marked as sent.
    async fn caught_in_flight(&self, relay: &Relay) -> usize {
        let mut in_flight = 0;
        until("a relay in the middle of its work", async || {
            relay.process.pause().unwrap();
            let rows = self.rows_of(relay).await;
            // What was written just now isn't read here at once.
            let reading = Instant::now();
            while !rows.is_empty() && in_flight == 0 && reading.elapsed() < READ_WITHIN {
                let written: HashSet<String> = self.topic.ids().into_iter().collect();
                in_flight = rows.iter().filter(|row| written.contains(*row)).count();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if in_flight == 0 {
                relay.process.resume().unwrap();
            }
            in_flight > 0
        })
        .await;
        in_flight
    }

    /// Commits a few records of some keys at a time, each key's numbered in commit order, until it
    /// is told to end.
    fn write(&self, end: &CancellationToken) -> JoinSet<()> {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (database, end) = (self.database.clone(), end.clone());
            writers.spawn(async move {
                let mut at = writer * 7919;
                while !end.is_cancelled() {
                    at += 1;
                    let mut keys = [at * 31 % KEYS, at * 17 % KEYS, at * 7 % KEYS];
                    // Who wants several rows asks for them in one order.
                    keys.sort_unstable();
                    let mut tx = database.begin().await.unwrap();
                    let mut records = Vec::new();
                    for key in keys {
                        let sql = "UPDATE said SET n = n + 1 WHERE k = $1 RETURNING n";
                        let number = said(&mut tx, sql, key).await;
                        records.push(record(&format!("key-{key}"), number));
                    }
                    outbox::insert(&mut tx, &records).await.unwrap();
                    tx.commit().await.unwrap();
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            });
        }
        writers
    }

    async fn relays_are_killed(&self) {
        let mut relays = Vec::new();
        for number in 0..4 {
            relays.push(self.relay(number).await);
        }
        let end = CancellationToken::new();
        let writers = self.write(&end);
        let mut in_flight = Vec::new();
        for kill in 0..KILLS {
            let victim = relays.remove(kill * 7 % 4);
            in_flight.push(self.caught_in_flight(&victim).await);
            victim.process.kill().await.unwrap();
            relays.push(self.relay(kill + 4).await);
        }
        end.cancel();
        writers.join_all().await;
        self.assert_first_occurrences_in_order().await;
        println!("written and not yet marked as sent at each kill: {in_flight:?}");
    }

    async fn relays_are_stopped(&self) {
        let (first, second) = (self.relay(0).await, self.relay(1).await);
        let end = CancellationToken::new();
        let writers = self.write(&end);
        for relay in [&first, &second, &first] {
            let in_flight = self.caught_in_flight(relay).await;
            let left = self.rows_of(relay).await.pop().unwrap();
            until("another relay took its buckets and sent what it left", async || {
                self.rows_of(relay).await.is_empty() && !self.database_has(&left).await
            })
            .await;
            relay.process.resume().unwrap();
            until("it has buckets again", async || self.holds(relay).await).await;
            println!("stopped with {in_flight} written and not yet marked as sent");
        }
        end.cancel();
        writers.join_all().await;
        self.assert_first_occurrences_in_order().await;
    }

    /// Each broker once: of three partitions, each leads one or another.
    async fn leaders_are_killed(&self, kafka: &Kafka) {
        let relay = self.relay(0).await;
        let end = CancellationToken::new();
        let writers = self.write(&end);
        for node in kafka.nodes() {
            let came = self.topic.ids().len();
            self.topic.until(came + 50).await;
            kafka.kill(node).await.unwrap();
            // What was in flight to it goes elsewhere, and new ones come.
            let mut newest = 0;
            until("rows that wait", async || {
                newest = self.newest().await;
                newest > 0
            })
            .await;
            until("what waited at the kill is sent", async || self.oldest().await > newest).await;
            kafka.start_again(node).await.unwrap();
        }
        end.cancel();
        writers.join_all().await;
        self.assert_first_occurrences_in_order().await;
        drop(relay);
    }

    async fn newest(&self) -> i64 {
        self.row("SELECT COALESCE(max(id), 0) FROM outbox").await
    }

    async fn oldest(&self) -> i64 {
        self.row("SELECT COALESCE(min(id), 9223372036854775807) FROM outbox").await
    }

    async fn row(&self, sql: &str) -> i64 {
        self.database.query(sql, &[]).await.unwrap()[0].get(0).unwrap()
    }

    async fn database_has(&self, id: &str) -> bool {
        let rows = Outbox::new(self.database.clone()).look(100_000).await.unwrap();
        rows.iter().any(|(_, record)| record.headers.get_str("ce_id") == Some(id))
    }

    async fn holds(&self, relay: &Relay) -> bool {
        let sql = "SELECT count(*) FROM outbox_leases WHERE relay = $1";
        let rows = self.database.query(sql, &[relay.name.as_str().into()]).await.unwrap();
        rows[0].get::<i64>(0).unwrap() > 0
    }

    /// Everything committed is in the topic, and of each key in the order of its commits.
    async fn assert_first_occurrences_in_order(&self) {
        let outbox = Outbox::new(self.database.clone());
        until("an empty outbox", async || outbox.is_empty().await.unwrap()).await;
        let rows = self.database.query("SELECT k, n FROM said", &[]).await.unwrap();
        let committed: HashMap<String, usize> = rows
            .iter()
            .map(|row| {
                let n: i64 = row.get(1).unwrap();
                (format!("key-{}", row.get::<i64>(0).unwrap()), usize::try_from(n).unwrap())
            })
            .collect();
        let all: usize = committed.values().sum();
        self.topic.until(all).await;
        let ids = self.topic.ids();
        for (key, numbers) in first_occurrences(&ids) {
            assert_eq!(numbers, (1..=committed[key]).collect::<Vec<_>>(), "{key}");
        }
        println!("{all} records of {KEYS} keys, {} repeats", ids.len() - all);
    }
}

/// A process, and the name of its leases.
struct Relay {
    process: Program,
    name: String,
}

/// Runs a statement on a key's counter; where it stands then.
async fn said(tx: &mut Tx, sql: &str, key: usize) -> usize {
    let key = i64::try_from(key).unwrap();
    let number: i64 = tx.query(sql, &[key.into()]).await.unwrap()[0].get(0).unwrap();
    usize::try_from(number).unwrap()
}

async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            // However long the look took: what it stopped has to get on before the next one.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "never: {what}");
}
