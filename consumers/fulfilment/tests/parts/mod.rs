//! Broker, registry, database, an emitter, a relay, and the service on them.

pub mod bank;
pub mod statuses;

use std::{any::Any, sync::Arc, time::Duration};

use bank::Bank;
use fulfilment::{FulfilmentError, Rules, Settings, StockRule};
use orderly_harness::decide;
use orderly_schemas::{
    OrderCancellationRequested, OrderCollected, OrderLine, OrderPlaced, OrderReturned, RequestedBy,
    StockCounted, UserChanged,
};
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

pub const PATIENCE: Duration = Duration::from_secs(90);

pub struct Parts {
    pub config: Config,
    pub database: Database,
    /// What is in `order-status`.
    pub statuses: Statuses,
    pub emitter: Emitter,
    pub bank: Arc<Bank>,
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
        let topics = [
            "orders",
            "stock",
            "users",
            "order-status",
            "fulfilment.dead-letters",
            "fulfilment.parked",
        ];
        let broker = EmbeddedBroker::start(topics.map(|topic| (topic, partitions))).unwrap();
        let registry = EmbeddedRegistry::start([]).await.unwrap();
        let mut config = broker.config(&registry.url());
        // When its last member has left, the embedded broker forms a group anew only after this.
        let short = [("session.timeout.ms", "1500"), ("heartbeat.interval.ms", "300")];
        config.consumer_properties.extend(short.map(|(name, value)| (name.into(), value.into())));
        let declared = Encoders::of("test")
            .event::<OrderPlaced>()
            .event::<OrderCollected>()
            .event::<OrderCancellationRequested>()
            .event::<OrderReturned>()
            .event::<StockCounted>()
            .event::<UserChanged>();
        let client = Registry::new(&config).unwrap();
        let encoders = declared.register(&config, &client).await.unwrap();
        let emitter = Emitter::connect(&config, encoders, EmitSettings::default()).await.unwrap();
        let database = Database::open(url).unwrap();
        outbox::prepare(&database).await.unwrap();
        let relay = tokio::spawn(relay(Outbox::new(database.clone()), emitter.clone()));
        let statuses = Statuses::follow(&config).await;
        let bank = Arc::new(Bank::new());
        Self { config, database, statuses, emitter, bank, relay, _ground: ground, registry, broker }
    }

    /// Two members.
    pub fn run(&self, stages: &str) -> Running {
        self.run_reporting(stages, &Health::of("fulfilment"))
    }

    pub fn run_reporting(&self, stages: &str, health: &Health) -> Running {
        let rules = Rules { stock: StockRule::Unlimited, ..Rules::new(stages.parse().unwrap()) };
        self.run_by(rules, health)
    }

    pub fn run_by(&self, rules: Rules, health: &Health) -> Running {
        let settings = Settings {
            config: self.config.clone(),
            database: self.database.clone(),
            members: 2,
            rules,
            provider: Arc::<Bank>::clone(&self.bank),
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

    /// Places at stations where somebody stands.
    pub async fn taken_places(&self) -> i64 {
        let sql = "SELECT count(*) FROM fulfilment_stations WHERE order_id IS NOT NULL";
        self.database.query(sql, &[]).await.unwrap()[0].get(0).unwrap()
    }

    /// Says how much of a product there is.
    pub async fn count(&self, sku: &str, on_hand: i32) {
        self.emit(&StockCounted { sku: sku.into(), on_hand }).await;
    }

    /// What is on hand of a product, held and sold.
    pub async fn stock(&self, sku: &str) -> (i64, i64, i64) {
        let sql = "SELECT on_hand, held, sold FROM fulfilment_stock WHERE sku = $1";
        let row = &self.database.query(sql, &[sku.into()]).await.unwrap()[0];
        (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap())
    }

    /// How far an order's payment is, and its card's token.
    pub async fn payment(&self, order_id: &str) -> (String, Option<String>) {
        let sql = "SELECT step, token FROM fulfilment_payments WHERE order_id = $1";
        let row = &self.database.query(sql, &[order_id.into()]).await.unwrap()[0];
        (row.get(0).unwrap(), row.get(1).unwrap())
    }

    /// Waits until an order's payment is so far.
    pub async fn payment_becomes(&self, order_id: &str, step: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let found = self.payment(order_id).await.0;
            if found == step {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "{order_id} is still {found}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
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
        caller: None,
        coupons: Vec::new(),
        payment_token: None,
    }
}

pub fn line(quantity: i32) -> OrderLine {
    OrderLine {
        sku: "margherita".into(),
        name: None,
        category: None,
        quantity,
        unit_price: "5.2500".parse().unwrap(),
    }
}

pub fn collected(order_id: &str) -> OrderCollected {
    OrderCollected { order_id: order_id.into() }
}

/// Paid by card.
pub fn paid(order_id: &str) -> OrderPlaced {
    OrderPlaced { payment_token: Some("tok_ok".into()), ..placed(order_id) }
}

pub fn cancelled(order_id: &str) -> OrderCancellationRequested {
    let reason = Some("changed my mind".into());
    let requested_by = RequestedBy::Customer;
    OrderCancellationRequested { order_id: order_id.into(), reason, requested_by }
}

pub fn returned(number: &str, sale: &str, total: &str) -> OrderReturned {
    OrderReturned {
        order_id: number.into(),
        original_order_id: Some(sale.into()),
        user_id: None,
        currency: "EUR".into(),
        lines: vec![line(1)],
        total: total.parse().unwrap(),
        reason: None,
    }
}
