//! A group whose members are processes of their own and copy one topic to another with a transform,
//! exactly once; between them and the brokers is a line. What tests kill, freeze, cut and deceive.
//!
//! What came of it is read from the topics themselves, by clients that owe nothing to the SDK: by one
//! that reads what is committed all along, and by another one afterwards.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use orderly_harness::{Kafka, Line, NotRun, Program};
use orderly_sdk::{
    Config, Event,
    codec::{Encoders, Registry},
    emit::{EmitSettings, Emitter},
    kafka::Probe,
};
use orderly_testkit::EmbeddedRegistry;
use serde::{Deserialize, Serialize};

use crate::{eventually, walk::Protocol};
use outcomes::Outcomes;
use readers::Along;

pub mod check;
pub mod feed;
pub mod member;
pub mod outcomes;
pub mod prove;
pub mod readers;
pub mod script;

/// The group.
pub const GROUP: &str = "copier";
/// Partitions of each topic.
pub const PARTITIONS: usize = 12;
/// Keys that are copied.
pub const KEYS: u64 = 1_000;
/// A transaction is ended when it is so old, or has so many records.
pub const WINDOW: (Duration, usize) = (Duration::from_secs(1), 750);
/// How long one may be open: less than a session.
pub const OPEN: Duration = Duration::from_secs(5);
/// Longer than a session.
const CUT_OFF: Duration = Duration::from_secs(9);
/// Without a record copied for so long, the rest doesn't come any more.
const PATIENCE: Duration = Duration::from_secs(90);
/// Slots that members take, under whose numbers they are known to brokers.
const SLOTS: usize = 5;

/// What is copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Whose.
    pub key: String,
    /// Rising within the key.
    pub number: i64,
}

impl Event for Item {
    const TYPE: &'static str = "test.Item";
    const TOPIC: &'static str = "items";
    const SCHEMA: &'static str = r#"{"type":"record","name":"Item","namespace":"test","fields":[
        {"name":"key","type":"string"},{"name":"number","type":"long"}]}"#;

    fn key(&self) -> &str {
        &self.key
    }
}

/// Its copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// As the item's.
    pub key: String,
    /// As the item's.
    pub number: i64,
    /// What the transform makes of it.
    pub seal: i64,
}

impl Event for Copied {
    const TYPE: &'static str = "test.Copied";
    const TOPIC: &'static str = "copies";
    const SCHEMA: &'static str = r#"{"type":"record","name":"Copied","namespace":"test","fields":[
        {"name":"key","type":"string"},{"name":"number","type":"long"},
        {"name":"seal","type":"long"}]}"#;

    fn key(&self) -> &str {
        &self.key
    }
}

/// The transform.
pub fn transform(item: Item) -> Copied {
    let seal = item.key.bytes().fold(item.number, |sum, byte| 31 * (sum % 1_000) + i64::from(byte));
    Copied { key: item.key, number: item.number, seal }
}

/// The group and its parts.
pub struct Copying {
    /// The brokers.
    pub kafka: Kafka,
    /// Before them.
    pub line: Arc<Line>,
    /// Reads copies along, those that are committed.
    pub along: Along,
    registry: EmbeddedRegistry,
    protocol: Protocol,
    program: PathBuf,
    /// Flags and variables of every member.
    flags: Vec<String>,
    variables: Vec<(String, String)>,
    /// By slot.
    members: BTreeMap<usize, Member>,
    dir: tempfile::TempDir,
    begun: usize,
}

struct Member {
    name: String,
    program: Program,
}

impl Copying {
    /// Parts and topics; no member yet. `program` is the binary of a member.
    pub async fn start(
        brokers: usize,
        protocol: Protocol,
        program: impl Into<PathBuf>,
    ) -> Result<Self, NotRun> {
        let (kafka, line) = Kafka::start_behind_a_line(brokers).await?;
        let registry = EmbeddedRegistry::start([]).await.unwrap();
        let config = Config::new(kafka.bootstrap(), registry.url());
        let nodes = kafka.nodes();
        let replicas: Vec<_> = (0..PARTITIONS)
            .map(|n| {
                nodes.iter().cycle().skip(n % nodes.len()).take(nodes.len()).copied().collect()
            })
            .collect();
        for topic in [Item::TOPIC, Copied::TOPIC, "copier.dead-letters", "copier.parked"] {
            kafka.create_topic(topic, &replicas).await.unwrap();
            // Made, it isn't yet known to who asks.
            let probe = Probe::new(&config).unwrap();
            eventually(topic, || async { probe.partitions(topic).await.ok() }).await;
        }
        let along = Along::read(kafka.bootstrap(), Copied::TOPIC);
        Ok(Self {
            kafka,
            line: Arc::new(line),
            along,
            registry,
            protocol,
            program: program.into(),
            flags: Vec::new(),
            variables: Vec::new(),
            members: BTreeMap::new(),
            dir: tempfile::tempdir().unwrap(),
            begun: 0,
        })
    }

    /// Members to come have this flag.
    #[must_use]
    pub fn with_flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// Members to come have this variable.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where its parts are, for a command.
    pub fn environment(&self) -> [(String, String); 2] {
        [
            ("KAFKA_BOOTSTRAP_SERVERS".to_owned(), self.kafka.bootstrap().to_owned()),
            ("SCHEMA_REGISTRY_URL".to_owned(), self.registry.url()),
        ]
    }

    /// As the SDK wants it.
    pub fn config(&self) -> Config {
        Config::new(self.kafka.bootstrap(), self.registry.url())
    }

    /// An emitter of items.
    pub async fn emitter(&self) -> Emitter {
        let config = self.config();
        let registry = Registry::new(&config).unwrap();
        let encoders = Encoders::of("feed").event::<Item>().register(&config, &registry).await;
        let linger = Duration::from_millis(5);
        let settings = EmitSettings { linger, ..EmitSettings::default() };
        Emitter::connect(&config, encoders.unwrap(), settings).await.unwrap()
    }

    /// Another member, in a slot that is free.
    pub fn join(&mut self, rng: &mut fastrand::Rng) {
        let free = (0..SLOTS).filter(|slot| !self.members.contains_key(slot));
        let slot = rng.choice(free.collect::<Vec<_>>()).expect("a free slot");
        self.join_as(slot);
    }

    /// The same in this one: to brokers it is the one that was there.
    pub fn join_as(&mut self, slot: usize) {
        let member = self.run(slot);
        assert!(self.members.insert(slot, member).is_none());
    }

    fn run(&mut self, slot: usize) -> Member {
        self.begun += 1;
        let name = format!("{GROUP}-{}", self.begun);
        let mut args = vec![name.clone(), slot.to_string(), self.dir.path().display().to_string()];
        args.extend(self.protocol.properties(slot));
        args.extend(self.flags.iter().cloned());
        let mut environment = self.environment().to_vec();
        environment.extend([
            ("RUST_LOG".to_owned(), "info,librdkafka=off,rdkafka=off".to_owned()),
            // Why it ended is to be among its last words.
            ("RUST_BACKTRACE".to_owned(), "0".to_owned()),
        ]);
        environment.extend(self.variables.iter().cloned());
        let args = |_: &[String]| args.into_iter().map(Into::into).collect();
        let program = Program::run(&name, &self.program, 0, args, environment).unwrap();
        Member { name, program }
    }

    /// Slots with a member; each still runs.
    pub fn slots(&self) -> Vec<usize> {
        for Member { name, program } in self.members.values() {
            assert!(program.runs(), "{name} ended by itself:\n{}", program.printed());
        }
        self.members.keys().copied().collect()
    }

    /// What the brokers know the member in a slot by, as long as it lives and after that.
    pub fn transaction_of(slot: usize) -> String {
        format!("{GROUP}.{slot}")
    }

    /// kill -9, in the middle of a transaction; whether it was.
    pub async fn kill(&mut self, slot: usize) -> bool {
        let Member { program, .. } = self.members.remove(&slot).unwrap();
        let is_hit = self.stop_in_the_middle(slot, &program).await;
        program.kill().await.unwrap();
        is_hit
    }

    /// kill -9, wherever it is; `None` where it isn't there.
    pub async fn kill_at_once(&mut self, slot: usize) -> Option<()> {
        let member = self.members.remove(&slot)?;
        member.program.kill().await.unwrap();
        Some(())
    }

    /// SIGTERM; it leaves.
    pub async fn leave(&mut self, slot: usize) {
        let Member { name, program } = self.members.remove(&slot).unwrap();
        let stopped = program.stop().await;
        stopped.unwrap_or_else(|e| panic!("{name}: {e}\n{}", program.printed()));
    }

    /// SIGSTOP in the middle of a transaction for longer than a session, then SIGCONT; whether it was.
    pub async fn freeze(&mut self, slot: usize) -> bool {
        let is_hit = self.pause(slot).await;
        self.thaw(slot).await;
        is_hit
    }

    /// SIGSTOP in the middle of a transaction; whether it was.
    pub async fn pause(&self, slot: usize) -> bool {
        self.stop_in_the_middle(slot, &self.members[&slot].program).await
    }

    /// SIGCONT when its session is over.
    pub async fn thaw(&self, slot: usize) {
        tokio::time::sleep(CUT_OFF).await;
        self.members[&slot].program.resume().unwrap();
    }

    /// The same, and meanwhile another process has its slot; a while after it is let go it is killed.
    /// Whether both were there.
    pub async fn replace(&mut self, slot: usize) -> bool {
        let old = self.members.remove(&slot).unwrap();
        let is_hit = self.stop_in_the_middle(slot, &old.program).await;
        self.join_as(slot);
        tokio::time::sleep(CUT_OFF).await;
        old.program.resume().unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let was_there = old.program.runs();
        if was_there {
            old.program.kill().await.unwrap();
        }
        is_hit && was_there
    }

    /// If there is a transaction within ten seconds.
    async fn stop_in_the_middle(&self, slot: usize, program: &Program) -> bool {
        let (transaction, deadline) =
            (Self::transaction_of(slot), Instant::now() + Duration::from_secs(10));
        loop {
            program.pause().unwrap();
            let is_open = self.line.is_open(&transaction);
            if is_open || Instant::now() > deadline {
                return is_open;
            }
            program.resume().unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A broker goes, by kill -9 or as asked to, and comes back; all copies are in sync then.
    pub async fn bounce(&self, node: i32, is_killed: bool, down: Duration) {
        match is_killed {
            true => self.kafka.kill(node).await.unwrap(),
            false => self.kafka.stop(node).await.unwrap(),
        }
        tokio::time::sleep(down).await;
        self.kafka.start_again(node).await.unwrap();
        let replicas = self.kafka.nodes().len();
        let in_sync =
            || async { readers::are_in_sync(self.kafka.bootstrap(), replicas).await.then_some(()) };
        eventually("all copies are in sync", in_sync).await;
    }

    /// All leave.
    pub async fn end(&mut self) {
        for slot in self.slots() {
            self.leave(slot).await;
        }
    }

    /// Waits until so many more are copied and committed, as long as it goes on.
    pub async fn goes_on(&self, more: usize) {
        let from = self.along.count();
        let (mut before, mut since) = (from, Instant::now());
        while before < from + more {
            let count = self.along.count();
            if count > before {
                (before, since) = (count, Instant::now());
            }
            assert!(since.elapsed() < PATIENCE, "it stands still at {count}\n{}", self.printed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// How the transactions of all members there were have ended.
    pub fn outcomes(&self) -> Outcomes {
        Outcomes::told(self.dir.path())
    }

    /// Whether a key can't be copied.
    pub fn poison(&self, key: &str, is_poisoned: bool) {
        let mark = poisoned(self.dir.path(), key);
        match is_poisoned {
            true => std::fs::write(mark, "").unwrap(),
            false => std::fs::remove_file(mark).unwrap(),
        }
    }

    /// The slot of the member that copied a marked key last, if it is there.
    pub fn slot_at(&self, key: &str) -> Option<usize> {
        let path = self.dir.path().join(key).with_extension("member");
        let name = std::fs::read_to_string(path).ok()?;
        self.members.iter().find(|(_, member)| member.name == name).map(|(slot, _)| *slot)
    }

    /// The ends of what members said.
    pub fn printed(&self) -> String {
        let each = self.members.values().map(|it| (&it.name, it.program.printed()));
        each.map(|(name, said)| format!("{name}:\n{said}\n")).collect()
    }
}

/// It is there as long as the key is poisoned.
pub fn poisoned(dir: &Path, key: &str) -> PathBuf {
    dir.join(key).with_extension("poisoned")
}

/// Whether members write down that one of them copies this key.
pub fn is_marked(key: &str) -> bool {
    key.starts_with("bad-")
}

/// The member copies that key now.
pub fn came_by(dir: &Path, key: &str, member: &str) {
    std::fs::write(dir.join(key).with_extension("member"), member).unwrap();
}
