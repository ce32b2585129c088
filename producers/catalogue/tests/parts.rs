//! One running catalogue with all it stands on.

use std::any::Any;

use catalogue::{Settings, run};
use orderly_harness::{decide, parts};
use orderly_schemas::{ProductChanged, StockCounted, every_schema};
use orderly_sdk::{Config, Event, OutRecord, codec::Schema};
use orderly_stores::{Database, Outbox, outbox};
pub use orderly_testkit::{Answer, until};
use orderly_testkit::{EmbeddedRegistry, Running};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

pub struct Shop {
    pub http: reqwest::Client,
    pub url: String,
    pub registry: EmbeddedRegistry,
    database: String,
    running: Running,
    /// What the database stands on, removed with it.
    _ground: Box<dyn Any + Send + Sync>,
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub async fn open_with(change: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("catalogue.db").display());
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
        let schemas = every_schema().iter().map(|s| (format!("{}-{}", s.topic, s.event), s.text));
        let registry = EmbeddedRegistry::start(schemas).await.unwrap();
        let mut settings = settings(&registry, &database);
        change(&mut settings);
        let running = start(settings).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = running.url.clone();
        let shop = Self { http, url, registry, database, running, _ground: ground };
        shop.until_ready().await;
        shop
    }

    /// The service's database, as another process opens it.
    pub fn database(&self) -> Database {
        Database::open(&self.database).unwrap()
    }

    /// One more of the service, on the same database.
    pub async fn replica(&self) -> Running {
        let replica = start(settings(&self.registry, &self.database)).await;
        let url = format!("{}/products", replica.url);
        until("the replica is ready", async || {
            self.http.get(&url).send().await.unwrap().status() == 200
        })
        .await;
        replica
    }

    /// Ends the service and starts it anew.
    pub async fn restart(&mut self) {
        let next = start(settings(&self.registry, &self.database)).await;
        self.url = next.url.clone();
        std::mem::replace(&mut self.running, next).stop().await;
        self.until_ready().await;
    }

    async fn until_ready(&self) {
        until("it is ready", async || {
            let answer = self.get("/products").await;
            answer.status != 503 || !answer.body.contains("/problems/starting")
        })
        .await;
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

    /// Everything in the outbox, in order: (topic, key, event or tombstone).
    pub async fn told(&self) -> Vec<(String, String, Option<Value>)> {
        self.records().await.iter().map(told).collect()
    }

    /// The same as it lies there.
    pub async fn records(&self) -> Vec<OutRecord> {
        let database = self.database();
        outbox::prepare(&database).await.unwrap();
        let taken = Outbox::new(database).look(10_000).await.unwrap();
        taken.into_iter().map(|(_, record)| record).collect()
    }

    /// Rows of both tables.
    pub async fn rows(&self) -> Vec<orderly_stores::Row> {
        let database = self.database();
        let mut rows = Vec::new();
        for table in ["catalogue_products", "catalogue_stock"] {
            let sql = format!("SELECT * FROM {table} ORDER BY sku");
            rows.extend(database.query(&sql, &[]).await.unwrap());
        }
        rows
    }
}

fn settings(registry: &EmbeddedRegistry, database: &str) -> Settings {
    // Nobody listens there: the catalogue itself never talks to a broker.
    let config = Config::new("127.0.0.1:1", registry.url());
    Settings::new(config, Database::open(database).unwrap())
}

fn told(record: &OutRecord) -> (String, String, Option<Value>) {
    let event = record.payload.as_ref().map(|framed| match &*record.topic {
        "catalogue" => {
            let event = decode::<ProductChanged>(framed);
            let state = format!("{:?}", event.state);
            json!({ "name": event.name, "price": event.price.to_string(), "state": state })
        }
        _ => json!({ "on_hand": decode::<StockCounted>(framed).on_hand }),
    });
    let key = String::from_utf8(record.key.clone().unwrap()).unwrap();
    (record.topic.to_string(), key, event)
}

pub fn decode<E: Event>(framed: &[u8]) -> E {
    Schema::parse(E::SCHEMA).unwrap().decode(&framed[5..]).unwrap()
}

pub async fn start(settings: Settings) -> Running {
    Running::start(|listener, stop| run(settings, listener, stop)).await
}

/// A good product.
pub fn margherita() -> Value {
    json!({
        "name": "Margherita",
        "description": "Tomatoes, mozzarella, basil.",
        "category": "pizza",
        "price": "8.50",
        "currency": "GBP",
        "state": "active",
    })
}

/// The same with other fields.
pub fn with(fields: &Value) -> Value {
    let mut product = margherita();
    for (name, value) in fields.as_object().unwrap() {
        product[name] = value.clone();
    }
    product
}
