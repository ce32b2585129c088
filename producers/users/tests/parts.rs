//! One running users service with all it stands on.

use std::any::Any;

use chrono::{DateTime, Utc};
use orderly_harness::{decide, parts};
use orderly_schemas::{ContactGiven, OrderLine, OrderPlaced, UserChanged, every_schema};
use orderly_sdk::{
    Config, Event, Meta, OutRecord,
    codec::{Encoders, Registry, Schema},
    emit::{EmitSettings, Emitter},
    kafka::EmbeddedBroker,
};
use orderly_stores::{Database, Outbox, outbox};
pub use orderly_testkit::{Answer, until};
use orderly_testkit::{EmbeddedRegistry, Running};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use users::{Settings, run};

pub struct Club {
    pub http: reqwest::Client,
    pub url: String,
    pub config: Config,
    emitter: Emitter,
    database: String,
    running: Option<Running>,
    _registry: EmbeddedRegistry,
    _broker: EmbeddedBroker,
    /// What the database stands on, removed with it.
    _ground: Box<dyn Any + Send + Sync>,
}

impl Club {
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub async fn open_with(change: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("users.db").display());
        Self::on(url, Box::new(dir), change).await
    }

    /// On a Postgres, if there is one.
    pub async fn on_postgres(test: &str) -> Option<Self> {
        let database = decide(test, parts::postgres().await)?;
        let url = database.url().to_owned();
        Some(Self::on(url, Box::new(database), |_| {}).await)
    }

    async fn on(
        database: String,
        ground: Box<dyn Any + Send + Sync>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let topics =
            [("orders", 2), ("contacts", 2), ("users.dead-letters", 2), ("users.parked", 2)];
        let broker = EmbeddedBroker::start(topics).unwrap();
        let schemas = every_schema().iter().map(|s| (format!("{}-{}", s.topic, s.event), s.text));
        let registry = EmbeddedRegistry::start(schemas).await.unwrap();
        let mut config = broker.config(&registry.url());
        // When its last member has left, the embedded broker forms a group anew only after this.
        let short = [("session.timeout.ms", "1500"), ("heartbeat.interval.ms", "300")];
        config.consumer_properties.extend(short.map(|(name, value)| (name.into(), value.into())));
        let encoders = Encoders::of("test").event::<OrderPlaced>().event::<ContactGiven>();
        let encoders = encoders.register(&config, &Registry::new(&config).unwrap()).await.unwrap();
        let emitter = Emitter::connect(&config, encoders, EmitSettings::default()).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut club = Self {
            http,
            url: String::new(),
            config,
            emitter,
            database,
            running: None,
            _registry: registry,
            _broker: broker,
            _ground: ground,
        };
        let mut settings = club.settings();
        change(&mut settings);
        club.start(settings).await;
        club
    }

    pub fn settings(&self) -> Settings {
        Settings::new(self.config.clone(), self.database(), "embedded")
    }

    pub async fn start(&mut self, settings: Settings) {
        let running = start(settings).await;
        self.url = running.url.clone();
        self.running = Some(running);
        until("it is ready", async || {
            let answer = self.get("/users/nobody").await;
            answer.status != 503 || !answer.body.contains("/problems/starting")
        })
        .await;
    }

    pub async fn stop(&mut self) {
        self.running.take().unwrap().stop().await;
    }

    /// The service's database, as another process opens it.
    pub fn database(&self) -> Database {
        Database::open(&self.database).unwrap()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// An order of a user, placed now.
    pub async fn place(&self, order_id: &str, user_id: Option<&str>) {
        self.place_at(order_id, user_id, Utc::now()).await;
    }

    pub async fn place_at(&self, order_id: &str, user_id: Option<&str>, at: DateTime<Utc>) {
        let order = OrderPlaced {
            order_id: order_id.into(),
            user_id: user_id.map(Into::into),
            currency: "EUR".into(),
            lines: vec![OrderLine {
                sku: "a".into(),
                name: None,
                category: None,
                quantity: 1,
                unit_price: "1.0000".parse().unwrap(),
            }],
            total: "1.00".parse().unwrap(),
            caller: None,
            coupons: Vec::new(),
            payment_token: None,
        };
        self.emitter.emit_as(&order, &Meta::new(&"test".into()).at(at)).await.unwrap();
    }

    /// A contact that is given with an order.
    pub async fn give_contact(&self, order_id: &str, user_id: &str) {
        let contact = ContactGiven {
            order_id: order_id.into(),
            user_id: Some(user_id.into()),
            email: Some(EMAIL.into()),
            phone: None,
            callback_url: None,
            caller: None,
        };
        self.emitter.emit(&contact).await.unwrap();
    }

    /// Waits until the service knows whose so many orders are.
    pub async fn until_known(&self, orders: usize) {
        let what = format!("{orders} orders are known");
        until(&what, async || self.known().await.len() == orders).await;
    }

    /// Waits until so much is told.
    pub async fn until_told(&self, records: usize) {
        let what = format!("{records} records are told");
        until(&what, async || self.records().await.len() == records).await;
    }

    /// Whose each order is.
    pub async fn known(&self) -> Vec<(String, String)> {
        let sql = "SELECT order_id, user_id FROM users_orders ORDER BY order_id";
        let rows = self.database().query(sql, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap())).collect()
    }

    /// Everything in the outbox, in order: topic, key, and the mail address of a user that isn't
    /// deleted.
    pub async fn told(&self) -> Vec<(String, String, Option<String>)> {
        let mut told = Vec::new();
        for OutRecord { topic, key, payload, .. } in self.records().await {
            let email = payload.map(|framed| {
                decode::<UserChanged>(&framed).email.unwrap_or_else(|| "none".into())
            });
            told.push((topic.to_string(), String::from_utf8(key.unwrap()).unwrap(), email));
        }
        told
    }

    /// The same as it lies there.
    pub async fn records(&self) -> Vec<OutRecord> {
        let database = self.database();
        outbox::prepare(&database).await.unwrap();
        let taken = Outbox::new(database).look(10_000).await.unwrap();
        taken.into_iter().map(|(_, record)| record).collect()
    }
}

pub fn decode<E: Event>(framed: &[u8]) -> E {
    Schema::parse(E::SCHEMA).unwrap().decode(&framed[5..]).unwrap()
}

/// A tombstone as [`Club::told`] shows it.
pub fn gone(topic: &str, key: &str) -> (String, String, Option<String>) {
    (topic.into(), key.into(), None)
}

pub async fn start(settings: Settings) -> Running {
    Running::start(|listener, stop| run(settings, listener, stop)).await
}

pub const EMAIL: &str = "ada.lovelace@mail.example.org";
pub const PHONE: &str = "+442079460123";
pub const NAME: &str = "Augusta Ada King";

/// A good profile.
pub fn ada() -> Value {
    json!({
        "name": NAME,
        "email": EMAIL,
        "phone": PHONE,
        "customer_group": "staff",
        "notify_by": ["EMAIL", "SMS"],
    })
}

/// The same with other fields.
pub fn with(fields: &Value) -> Value {
    let mut profile = ada();
    for (name, value) in fields.as_object().unwrap() {
        profile[name] = value.clone();
    }
    profile
}
