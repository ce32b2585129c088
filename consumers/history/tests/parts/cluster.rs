//! A broker and a registry in the process, an emitter, and the service on them.

use std::{sync::Arc, time::Duration};

use history::{Error, Settings, run};
use orderly_schemas::{
    OrderCancelled, OrderCollected, OrderCompleted, OrderConfirmed, OrderPlaced, OrderReturned,
    ReadyForPickup, StageCompleted, StageQueued, StageStarted,
};
use orderly_sdk::{
    Config, Event, Meta,
    codec::{Encoders, Registry},
    consume::Limits,
    emit::{EmitSettings, Emitter},
    kafka::{EmbeddedBroker, Probe, Tail},
    record::{InRecord, TopicPartition},
};
use orderly_testkit::EmbeddedRegistry;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Of, Store};

pub struct Cluster {
    pub emitter: Emitter,
    pub config: Config,
    source: Arc<str>,
    _registry: EmbeddedRegistry,
    _broker: EmbeddedBroker,
}

/// An event of a later version of the system.
#[derive(Serialize, Deserialize)]
pub struct OrderGiftWrapped {
    pub order_id: String,
}

impl Event for OrderGiftWrapped {
    const TYPE: &'static str = "orderly.OrderGiftWrapped";
    const TOPIC: &'static str = "orders";
    const SCHEMA: &'static str = r#"{"type":"record","name":"OrderGiftWrapped",
        "namespace":"orderly","fields":[{"name":"order_id","type":"string"}]}"#;

    fn key(&self) -> &str {
        &self.order_id
    }
}

impl Cluster {
    pub async fn start() -> Self {
        let topics = [
            ("orders", 3),
            ("order-status", 3),
            ("history.dead-letters", 3),
            ("history.parked", 3),
        ];
        let broker = EmbeddedBroker::start(topics).unwrap();
        let registry = EmbeddedRegistry::start([]).await.unwrap();
        let mut config = broker.config(&registry.url());
        // When its last member has left, the embedded broker forms a group anew only after this.
        let short = [("session.timeout.ms", "1500"), ("heartbeat.interval.ms", "300")];
        config.consumer_properties.extend(short.map(|(name, value)| (name.into(), value.into())));
        let encoders = Encoders::of("test")
            .event::<OrderPlaced>()
            .event::<OrderCollected>()
            .event::<OrderReturned>()
            .event::<OrderConfirmed>()
            .event::<StageQueued>()
            .event::<StageStarted>()
            .event::<StageCompleted>()
            .event::<ReadyForPickup>()
            .event::<OrderCompleted>()
            .event::<OrderCancelled>()
            .event::<OrderGiftWrapped>()
            .register(&config, &Registry::new(&config).unwrap())
            .await
            .unwrap();
        let emitter = Emitter::connect(&config, encoders, EmitSettings::default()).await.unwrap();
        Self { emitter, config, source: "test".into(), _registry: registry, _broker: broker }
    }

    /// Emits an event; what it was emitted as.
    pub async fn emit<E: Event>(&self, event: Of<E>) -> Meta {
        let meta = Meta::new(&self.source);
        self.emitter.emit_as(&event.0, &meta).await.unwrap();
        meta
    }

    pub fn meta(&self) -> Meta {
        Meta::new(&self.source)
    }

    pub fn settings(&self, store: &Store, members: usize) -> Settings {
        let mut settings = Settings::new(self.config.clone(), store.db.clone(), "embedded");
        settings.members = members;
        // Small, so that a few orders are many batches.
        settings.limits = Limits { batch_records: 7, ..Limits::default() };
        settings
    }

    pub fn run(&self, store: &Store, members: usize) -> Running {
        Running::start(self.settings(store, members))
    }

    pub async fn dead_letters(&self, count: usize) -> Vec<InRecord> {
        let mut tail = Tail::from_start(&self.config, &["history.dead-letters"]).await.unwrap();
        let mut letters = Vec::new();
        while letters.len() < count {
            let next = tokio::time::timeout(Duration::from_secs(90), tail.next()).await;
            letters.push(next.expect("fewer dead letters came").unwrap().unwrap());
        }
        letters
    }

    /// Records in a topic.
    pub async fn count(&self, topic: &str) -> i64 {
        let probe = Probe::new(&self.config).unwrap();
        let mut count = 0;
        for partition in 0..probe.partitions(topic).await.unwrap() {
            let at = TopicPartition { topic: topic.into(), partition };
            let (start, end) = probe.ends(&at).await.unwrap();
            count += end - start;
        }
        count
    }
}

pub struct Running {
    pub service: JoinHandle<Result<(), Error>>,
    shutdown: CancellationToken,
}

impl Running {
    pub fn start(settings: Settings) -> Self {
        let shutdown = CancellationToken::new();
        let service = run(settings, None, shutdown.clone());
        Self { service: tokio::spawn(service), shutdown }
    }

    /// Waits until the condition holds; fails the test after 90 s, or when the service ends.
    pub async fn until(&mut self, what: &str, mut condition: impl AsyncFnMut() -> bool) {
        let asking = async {
            let mut again = tokio::time::interval(Duration::from_millis(10));
            while !condition().await {
                again.tick().await;
            }
        };
        tokio::select! {
            asked = tokio::time::timeout(Duration::from_secs(90), asking) => {
                assert!(asked.is_ok(), "never: {what}");
            }
            ended = &mut self.service => panic!("before {what} the service ended: {ended:?}"),
        }
    }

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
