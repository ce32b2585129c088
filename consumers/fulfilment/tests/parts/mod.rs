//! Broker, registry, database, an emitter, a relay, and the service on them.

pub mod statuses;

use std::{any::Any, sync::Arc, time::Duration};

use fulfilment::{FulfilmentError, Settings};
use orderly_harness::decide;
use orderly_schemas::{OrderCollected, OrderLine, OrderPlaced};
use orderly_sdk::{
    Config, Event, Health, Meta,
    codec::{Encoders, Registry},
    emit::{EmitSettings, Emitter},
    kafka::{EmbeddedBroker, Tail},
    record::InRecord,
};
use orderly_stores::{Database, Outbox, Value, outbox};
use orderly_testkit::EmbeddedRegistry;
use statuses::Statuses;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Parts {
    pub config: Config,
    pub database: Database,
    /// What is in `order-status`.
    pub statuses: Statuses,
    pub emitter: Emitter,
    relay: JoinHandle<()>,
    /// What the database stands on, removed with it.
    _ground: Box<dyn Any + Send + Sync>,
    pub registry: EmbeddedRegistry,
    pub broker: EmbeddedBroker,
}

impl Parts {
    /// Every topic with that many partitions.
    pub async fn start(partitions: i32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("fulfilment.db").display());
        Self::start_on(&url, Box::new(directory), partitions).await
    }

    /// The same on a Postgres, if there is one.
    pub async fn start_on_postgres(test: &str, partitions: i32) -> Option<Self> {
        let database = decide(test, orderly_harness::parts::postgres().await)?;
        let url = database.url().to_owned();
        Some(Self::start_on(&url, Box::new(database), partitions).await)
    }

    async fn start_on(url: &str, ground: Box<dyn Any + Send + Sync>, partitions: i32) -> Self {
        let topics = ["orders", "order-status", "fulfilment.dead-letters", "fulfilment.parked"];
        let broker = EmbeddedBroker::start(topics.map(|topic| (topic, partitions))).unwrap();
        let registry = EmbeddedRegistry::start([]).await.unwrap();
        let mut config = broker.config(&registry.url());
        // When its last member has left, the embedded broker forms a group anew only after this.
        let short = [("session.timeout.ms", "1500"), ("heartbeat.interval.ms", "300")];
        config.consumer_properties.extend(short.map(|(name, value)| (name.into(), value.into())));
        let declared = Encoders::of("test").event::<OrderPlaced>().event::<OrderCollected>();
        let client = Registry::new(&config).unwrap();
        let encoders = declared.register(&config, &client).await.unwrap();
        let emitter = Emitter::connect(&config, encoders, EmitSettings::default()).await.unwrap();
        let database = Database::open(url).unwrap();
        outbox::prepare(&database).await.unwrap();
        let relay = tokio::spawn(relay(Outbox::new(database.clone()), emitter.clone()));
        let statuses = Statuses::follow(&config).await;
        Self { config, database, statuses, emitter, relay, _ground: ground, registry, broker }
    }

    /// Two members.
    pub fn run(&self, stages: &str) -> Running {
        self.run_reporting(stages, &Health::of("fulfilment"))
    }

    pub fn run_reporting(&self, stages: &str, health: &Health) -> Running {
        let settings = Settings {
            config: self.config.clone(),
            database: self.database.clone(),
            members: 2,
            stages: stages.parse().unwrap(),
            health: health.clone(),
        };
        let shutdown = CancellationToken::new();
        let service = tokio::spawn(fulfilment::run(settings, shutdown.clone()));
        Running { service, shutdown }
    }

    /// Emits an event that happens now; what it was emitted as.
    pub async fn emit<E: Event>(&self, event: &E) -> Meta {
        let meta = self.meta();
        self.emitter.emit_as(event, &meta).await.unwrap();
        meta
    }

    pub async fn emit_as<E: Event>(&self, event: &E, meta: &Meta) {
        self.emitter.emit_as(event, meta).await.unwrap();
    }

    pub fn meta(&self) -> Meta {
        Meta::new(&Arc::from("test"))
    }

    /// The first so many dead letters.
    pub async fn dead_letters(&self, count: usize) -> Vec<InRecord> {
        let topics = ["fulfilment.dead-letters"];
        let mut tail = Tail::from_start(&self.config, &topics).await.unwrap();
        let mut letters = Vec::new();
        while letters.len() < count {
            let next = tokio::time::timeout(PATIENCE, tail.next()).await;
            letters.push(next.expect("fewer dead letters came").unwrap().unwrap());
        }
        letters
    }

    /// Rows that the inbox has.
    pub async fn inbox(&self) -> i64 {
        let sql = "SELECT count(*) FROM inbox WHERE group_id = 'fulfilment'";
        self.database.query(sql, &[]).await.unwrap()[0].get(0).unwrap()
    }

    pub async fn execute(&self, sql: &str, values: &[Value]) {
        let mut tx = self.database.begin().await.unwrap();
        tx.execute(sql, values).await.unwrap();
        tx.commit().await.unwrap();
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

/// What the outbox relay does, while nothing goes wrong.
async fn relay(mut outbox: Outbox, emitter: Emitter) {
    loop {
        let taken = outbox.take(1_000).await.unwrap();
        if taken.is_empty() {
            outbox.changed().await;
        }
        let mut under_way = Vec::new();
        for (id, record) in taken {
            under_way.push((id, emitter.send_encoded(record).await.unwrap()));
        }
        let mut sent = Vec::new();
        for (id, pending) in under_way {
            pending.await.unwrap();
            sent.push(id);
        }
        outbox.sent(&sent).await.unwrap();
    }
}

pub struct Running {
    service: JoinHandle<Result<(), FulfilmentError>>,
    shutdown: CancellationToken,
}

impl Running {
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.service.await.unwrap().unwrap();
    }

    /// Ends it where it is, without asking.
    pub async fn kill(self) {
        self.service.abort();
        assert!(self.service.await.unwrap_err().is_cancelled());
    }
}

pub fn placed(order_id: &str) -> OrderPlaced {
    OrderPlaced {
        order_id: order_id.into(),
        user_id: None,
        currency: "EUR".into(),
        lines: vec![line(2)],
        total: "10.50".parse().unwrap(),
    }
}

pub fn line(quantity: i32) -> OrderLine {
    OrderLine {
        sku: "margherita".into(),
        name: None,
        quantity,
        unit_price: "5.2500".parse().unwrap(),
    }
}

pub fn collected(order_id: &str) -> OrderCollected {
    OrderCollected { order_id: order_id.into() }
}
