//! A broker, a registry and an event type for a test.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use orderly_sdk::{
    Config, Event,
    codec::{Encoders, Registry},
    emit::{EmitSettings, Emitter},
    kafka::EmbeddedBroker,
};
use orderly_testkit::EmbeddedRegistry;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// An event without any order in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeted {
    pub name: String,
    pub number: i64,
}

impl Event for Greeted {
    const TYPE: &'static str = "test.Greeted";
    const TOPIC: &'static str = "greetings";
    const SCHEMA: &'static str = r#"{"type":"record","name":"Greeted","namespace":"test",
        "fields":[{"name":"name","type":"string"},{"name":"number","type":"long"}]}"#;

    fn key(&self) -> &str {
        &self.name
    }
}

/// Another one on the same topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parted {
    pub name: String,
}

impl Event for Parted {
    const TYPE: &'static str = "test.Parted";
    const TOPIC: &'static str = "greetings";
    const SCHEMA: &'static str = r#"{"type":"record","name":"Parted","namespace":"test",
        "fields":[{"name":"name","type":"string"}]}"#;

    fn key(&self) -> &str {
        &self.name
    }
}

pub struct Parts {
    pub broker: EmbeddedBroker,
    pub registry: EmbeddedRegistry,
    pub config: Config,
}

impl Parts {
    pub async fn start(partitions: i32) -> Self {
        Self::start_for("group", partitions).await
    }

    /// With the topics of that group.
    pub async fn start_for(group: &str, partitions: i32) -> Self {
        // What a failing test logged is shown with it.
        let _ = tracing_subscriber::fmt().with_test_writer().try_init();
        let own = ["dead-letters", "parked"].map(|topic| format!("{group}.{topic}"));
        let [dead_letters, parked] = own.each_ref().map(|topic| (&**topic, partitions));
        let topics = [("greetings", partitions), dead_letters, parked, ("replies", partitions)];
        let broker = EmbeddedBroker::start(topics).unwrap();
        let registry = EmbeddedRegistry::start([]).await.unwrap();
        let config = broker.config(&registry.url());
        Self { broker, registry, config }
    }

    pub async fn encoders(&self, source: &str) -> Encoders {
        let registry = Registry::new(&self.config).unwrap();
        let declared = Encoders::of(source).event::<Greeted>().event::<Parted>();
        declared.register(&self.config, &registry).await.unwrap()
    }

    pub async fn emitter(&self, settings: EmitSettings) -> Emitter {
        Emitter::connect(&self.config, self.encoders("test").await, settings).await.unwrap()
    }
}

pub fn greeted(name: &str, number: i64) -> Greeted {
    Greeted { name: name.into(), number }
}

/// What handlers saw, in order, to be waited for.
pub struct Seen<T> {
    items: Arc<Mutex<Vec<T>>>,
    changed: Arc<Notify>,
}

impl<T> Clone for Seen<T> {
    fn clone(&self) -> Self {
        Self { items: Arc::clone(&self.items), changed: Arc::clone(&self.changed) }
    }
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self { items: Arc::default(), changed: Arc::default() }
    }
}

impl<T: Clone> Seen<T> {
    pub fn add(&self, item: T) {
        self.items.lock().unwrap().push(item);
        self.changed.notify_waiters();
    }

    pub fn all(&self) -> Vec<T> {
        self.items.lock().unwrap().clone()
    }

    /// Waits until the condition holds; fails the test after 30 s.
    pub async fn until(&self, what: &str, condition: impl Fn(&[T]) -> bool) -> Vec<T> {
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            let changed = self.changed.notified();
            let all = self.all();
            if condition(&all) {
                return all;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                tokio::time::timeout(left, changed).await.is_ok(),
                "never: {what}; saw {} items",
                all.len()
            );
        }
    }
}
