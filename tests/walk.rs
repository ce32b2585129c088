//! A group whose members are processes of their own, on Kafka and Postgres, and do numbered steps:
//! what tests kill, pause and poison.
//!
//! A step done is a row, once, by the inbox; when its transaction began and ended, its member writes
//! into a diary. So what was done, in which order, and what ran beside what is known afterwards.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use orderly_harness::{NotRun, Program};
use orderly_sdk::{
    Event, Meta,
    codec::{Encoders, Registry},
    consume::{Exhausted, RetryPolicy},
    emit::{EmitSettings, Emitter},
    kafka::Probe,
};
use orderly_stores::{Database, Inbox, Migration};
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{eventually, services::RealParts};

pub mod diary;

/// The group.
pub const GROUP: &str = "walkers";
/// Partitions of its topics.
pub const PARTITIONS: usize = 12;
/// The member's table, and keys that it can't do.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "create steps",
    sql: "CREATE TABLE steps_done (
              id {id},
              step_key TEXT NOT NULL,
              number BIGINT NOT NULL,
              sent_at BIGINT NOT NULL,
              done_at BIGINT NOT NULL
          );
          CREATE TABLE poisoned (step_key TEXT PRIMARY KEY)",
}];
/// Without a step done for so long, the rest doesn't come any more.
const PATIENCE: Duration = Duration::from_secs(60);

/// One step of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Whose.
    pub key: String,
    /// From 1, without gaps.
    pub number: i64,
    /// Microseconds since 1970.
    pub sent_at: i64,
}

impl Event for Step {
    const TYPE: &'static str = "test.Step";
    const TOPIC: &'static str = "steps";
    const SCHEMA: &'static str = r#"{"type":"record","name":"Step","namespace":"test","fields":[
        {"name":"key","type":"string"},{"name":"number","type":"long"},
        {"name":"sent_at","type":"long"}]}"#;

    fn key(&self) -> &str {
        &self.key
    }
}

/// How members try again: soon parked, so that a test needn't wait.
pub fn policy() -> RetryPolicy {
    RetryPolicy {
        attempts: 3,
        first_backoff: Duration::from_millis(20),
        most_backoff: Duration::from_millis(200),
        exhausted: Exhausted::Park,
        rejected: Exhausted::Park,
    }
}

/// Microseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// How a group agrees on who has which partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Classic, cooperative-sticky.
    Cooperative,
    /// The same with `group.instance.id`: who comes back has what it had.
    Static,
    /// KIP-848.
    Consumer,
}

impl Protocol {
    /// Properties of the member in a slot. Killed, its partitions are another's after 6 s; under
    /// KIP-848 the broker says so (`group.consumer.session.timeout.ms`).
    pub(crate) fn properties(self, slot: usize) -> Vec<String> {
        let classic = "session.timeout.ms=6000".to_owned();
        match self {
            Self::Cooperative => vec![classic],
            Self::Static => vec![classic, format!("group.instance.id=slot-{slot}")],
            Self::Consumer => vec!["group.protocol=consumer".to_owned()],
        }
    }
}

/// The group and its parts.
pub struct Walk {
    /// The parts.
    pub parts: RealParts,
    /// What its members write to.
    pub database: Database,
    protocol: Protocol,
    program: PathBuf,
    /// By slot.
    members: BTreeMap<usize, Member>,
    dir: tempfile::TempDir,
    begun: usize,
    /// When members were killed, by name.
    pub deaths: HashMap<String, i64>,
    /// From when to when members were paused.
    pub pauses: Vec<(String, i64, i64)>,
}

struct Member {
    name: String,
    program: Program,
}

impl Walk {
    /// Parts, topics and tables; no member yet. `program` is the binary of a member.
    pub async fn start(protocol: Protocol, program: &str) -> Result<Self, NotRun> {
        let parts = RealParts::without_topics(1).await?;
        let one = vec![vec![1]; PARTITIONS];
        for topic in [Step::TOPIC, "walkers.dead-letters", "walkers.parked"] {
            parts.kafka.create_topic(topic, &one).await.unwrap();
            // Made, it isn't yet known to who asks.
            let probe = Probe::new(&parts.config()).unwrap();
            eventually(topic, || async { probe.partitions(topic).await.ok() }).await;
        }
        let database = parts.databases().fulfilment;
        Inbox::new(database.clone()).prepare().await.unwrap();
        database.migrate("steps", MIGRATIONS).await.unwrap();
        Ok(Self {
            parts,
            database,
            protocol,
            program: program.into(),
            members: BTreeMap::new(),
            dir: tempfile::tempdir().unwrap(),
            begun: 0,
            deaths: HashMap::new(),
            pauses: Vec::new(),
        })
    }

    /// Another member, in the first slot that is free.
    pub fn join(&mut self) {
        self.begun += 1;
        let name = format!("member-{}", self.begun);
        let slot = (0..).find(|slot| !self.members.contains_key(slot)).unwrap_or_default();
        let mut args = vec![name.clone().into(), self.dir.path().into()];
        args.extend(self.protocol.properties(slot).into_iter().map(Into::into));
        let mut environment = self.parts.environment();
        environment.push(("RUST_LOG".into(), "info,librdkafka=off,rdkafka=off".into()));
        let started = Program::run(&name, &self.program, 0, |_| args, environment).unwrap();
        self.members.insert(slot, Member { name, program: started });
    }

    /// Slots with a member; each still runs.
    pub fn slots(&self) -> Vec<usize> {
        for Member { name, program } in self.members.values() {
            assert!(program.runs(), "{name} ended by itself:\n{}", program.printed());
        }
        self.members.keys().copied().collect()
    }

    /// The slot of a member that is there.
    pub fn slot_of(&self, name: &str) -> Option<usize> {
        self.members.iter().find(|(_, member)| member.name == name).map(|(slot, _)| *slot)
    }

    /// kill -9, where it is in the middle of a transaction, if it is within ten seconds.
    pub async fn kill(&mut self, slot: usize) {
        let Member { name, program } = self.members.remove(&slot).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            program.pause().unwrap();
            if diary::is_busy(self.dir.path(), &name) || Instant::now() > deadline {
                break;
            }
            program.resume().unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        program.kill().await.unwrap();
        self.deaths.insert(name, now());
    }

    /// SIGTERM.
    pub async fn leave(&mut self, slot: usize) {
        let Member { name, program } = self.members.remove(&slot).unwrap();
        let stopped = program.stop().await;
        stopped.unwrap_or_else(|e| panic!("{name}: {e}\n{}", program.printed()));
    }

    /// SIGSTOP for so long, then SIGCONT: longer than a session, the member is cut off.
    pub async fn pause(&mut self, slot: usize, long: Duration) {
        let Member { name, program } = &self.members[&slot];
        let from = now();
        program.pause().unwrap();
        tokio::time::sleep(long).await;
        program.resume().unwrap();
        self.pauses.push((name.clone(), from, now()));
    }

    /// All leave.
    pub async fn end(&mut self) {
        for slot in self.slots() {
            self.leave(slot).await;
        }
    }

    /// An emitter of steps.
    pub async fn emitter(&self) -> Emitter {
        let config = self.parts.config();
        let registry = Registry::new(&config).unwrap();
        let encoders = Encoders::of("walk").event::<Step>().register(&config, &registry).await;
        Emitter::connect(&config, encoders.unwrap(), EmitSettings::default()).await.unwrap()
    }

    /// Steps done.
    pub async fn done(&self) -> usize {
        let rows = self.database.query("SELECT count(*) FROM steps_done", &[]).await.unwrap();
        usize::try_from(rows[0].get::<i64>(0).unwrap()).unwrap()
    }

    /// Waits until so many are done, as long as it goes on.
    pub async fn until_done(&self, count: usize) {
        let (mut before, mut since) = (0, Instant::now());
        loop {
            let done = self.done().await;
            if done >= count {
                return;
            }
            if done > before {
                (before, since) = (done, Instant::now());
            }
            let printed = || {
                let each = self.members.values().map(|it| (&it.name, it.program.printed()));
                each.map(|(name, said)| format!("{name}:\n{said}\n")).collect::<String>()
            };
            assert!(since.elapsed() < PATIENCE, "{done} of {count} are done\n{}", printed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Steps in the order in which they were done: by key.
    pub async fn by_key(&self) -> BTreeMap<String, Vec<i64>> {
        let mut all = BTreeMap::<String, Vec<i64>>::new();
        let sql = "SELECT step_key, number FROM steps_done ORDER BY id";
        for row in self.database.query(sql, &[]).await.unwrap() {
            all.entry(row.get(0).unwrap()).or_default().push(row.get(1).unwrap());
        }
        all
    }

    /// Where the members' diaries are.
    pub fn diaries(&self) -> &Path {
        self.dir.path()
    }

    /// Whether a key can't be done.
    pub async fn poison(&self, key: &str, is_poisoned: bool) {
        let sql = match is_poisoned {
            true => "INSERT INTO poisoned (step_key) VALUES ($1)",
            false => "DELETE FROM poisoned WHERE step_key = $1",
        };
        let mut tx = self.database.begin().await.unwrap();
        tx.execute(sql, &[key.into()]).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// Steps on their way, so many a second.
pub struct Load {
    stop: CancellationToken,
    sending: JoinHandle<Emitter>,
    acknowledged: JoinHandle<Sent>,
}

/// What was acknowledged.
#[derive(Default)]
pub struct Sent {
    /// By partition and offset: whose step, and which.
    pub at: HashMap<(i32, i64), (String, i64)>,
    /// How many, by key.
    pub by_key: BTreeMap<String, i64>,
}

/// How often the load sends.
const BEAT: Duration = Duration::from_millis(10);

impl Load {
    /// Sends until it is ended; `key` says whose the n-th is.
    pub fn begin(
        emitter: Emitter,
        rate: usize,
        key: impl Fn(u64) -> String + Send + 'static,
    ) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let (sent, mut pending) = mpsc::channel(10_000);
        let sending = tokio::spawn(async move {
            let source = std::sync::Arc::from("walk");
            let (mut numbers, mut count, begun) = (HashMap::new(), 0_u64, Instant::now());
            let mut beat = tokio::time::interval(BEAT);
            while stopped.run_until_cancelled(beat.tick()).await.is_some() {
                let due = begun.elapsed().as_micros() * rate as u128 / 1_000_000;
                while u128::from(count) < due {
                    let key = key(count);
                    count += 1;
                    let number = numbers.entry(key.clone()).or_insert(0);
                    *number += 1;
                    let step = Step { key, number: *number, sent_at: now() };
                    let answer = emitter.send(&step, &Meta::new(&source)).await.unwrap();
                    assert!(sent.send((step, answer)).await.is_ok());
                }
            }
            emitter
        });
        let acknowledged = tokio::spawn(async move {
            let mut all = Sent::default();
            while let Some((step, answer)) = pending.recv().await {
                let at = answer.await.unwrap().at;
                *all.by_key.entry(step.key.clone()).or_default() += 1;
                all.at.insert((at.partition.partition, at.offset), (step.key, step.number));
            }
            all
        });
        Self { stop, sending, acknowledged }
    }

    /// Stops, and says what was acknowledged: all of it.
    pub async fn end(self) -> Sent {
        self.stop.cancel();
        // Dropped before all is acknowledged, it gives up what is in flight.
        let _emitter = self.sending.await.unwrap();
        self.acknowledged.await.unwrap()
    }
}
