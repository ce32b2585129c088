//! Replicas of order-api that tell live, and what they stand on.

use std::time::Duration;

use chrono::{DateTime, Utc};
use order_api::{Live, LiveBounds, Settings, declares, emit_settings, serve};
use orderly_schemas::{
    OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderLine, OrderPlaced,
    RequestedBy, StageStarted, every_schema,
};
use orderly_sdk::{
    Config, Event, EventId, Health, Meta,
    codec::{Encoders, Registry},
    emit::{EmitSettings, Emitter},
    kafka::EmbeddedBroker,
};
use orderly_stores::Database;
use orderly_testkit::EmbeddedRegistry;
use orderly_web::ApiKeys;
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{FoldingHistory, Reader};

pub(crate) struct LiveWishes {
    pub(crate) replicas: usize,
    pub(crate) bounds: LiveBounds,
    pub(crate) keys: ApiKeys,
}

impl Default for LiveWishes {
    fn default() -> Self {
        Self { replicas: 1, bounds: LiveBounds::default(), keys: ApiKeys::anonymous() }
    }
}

pub(crate) struct LiveShop {
    pub(crate) history: FoldingHistory,
    pub(crate) urls: Vec<String>,
    pub(crate) shutdowns: Vec<CancellationToken>,
    pub(crate) served: Vec<JoinHandle<Result<(), order_api::ServeError>>>,
    pub(crate) http: reqwest::Client,
    pub(crate) broker: EmbeddedBroker,
    emitter: Emitter,
    _registry: EmbeddedRegistry,
    _directory: tempfile::TempDir,
}

/// An event of a later version of the system.
#[derive(Serialize, Deserialize)]
pub(crate) struct OrderGiftWrapped {
    order_id: String,
    sequence: i64,
    reason: String,
}

impl Event for OrderGiftWrapped {
    const TYPE: &'static str = "orderly.OrderGiftWrapped";
    const TOPIC: &'static str = "order-status";
    const SCHEMA: &'static str = r#"{"type":"record","name":"OrderGiftWrapped",
        "namespace":"orderly","fields":[{"name":"order_id","type":"string"},
        {"name":"sequence","type":"long"},{"name":"reason","type":"string"}]}"#;

    fn key(&self) -> &str {
        &self.order_id
    }
}

impl LiveShop {
    pub(crate) async fn open() -> Self {
        Self::open_with(LiveWishes::default()).await
    }

    pub(crate) async fn open_with(wishes: LiveWishes) -> Self {
        let topics = [("orders", 3), ("order-status", 2), ("contacts", 1)];
        let broker = EmbeddedBroker::start(topics).unwrap();
        let schemas = every_schema().iter().map(|s| (format!("{}-{}", s.topic, s.event), s.text));
        let registry = EmbeddedRegistry::start(schemas).await.unwrap();
        let config = broker.config(&registry.url());
        let declared = Encoders::of("test")
            .event::<OrderPlaced>()
            .event::<OrderCancellationRequested>()
            .event::<OrderConfirmed>()
            .event::<OrderCancelled>()
            .event::<StageStarted>()
            .event::<OrderGiftWrapped>();
        let encoders = declared.register(&config, &Registry::new(&config).unwrap()).await.unwrap();
        let settings = EmitSettings { linger: Duration::ZERO, ..EmitSettings::default() };
        let emitter = Emitter::connect(&config, encoders, settings).await.unwrap();
        let history = FoldingHistory::start(&config).await;
        let directory = tempfile::tempdir().unwrap();
        let mut shop = Self {
            history,
            urls: Vec::new(),
            shutdowns: Vec::new(),
            served: Vec::new(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            broker,
            emitter,
            _registry: registry,
            _directory: directory,
        };
        for number in 0..wishes.replicas {
            shop.replica(number, &config, &wishes).await;
        }
        shop
    }

    async fn replica(&mut self, number: usize, config: &Config, wishes: &LiveWishes) {
        let encoders = declares().register(config, &Registry::new(config).unwrap()).await.unwrap();
        let deadline = Duration::from_secs(20);
        let emitter = Emitter::connect(config, encoders, emit_settings(deadline)).await.unwrap();
        let file = self._directory.path().join(format!("{number}.db"));
        let database = Database::open(&format!("sqlite:{}", file.display())).unwrap();
        let mut settings = Settings::new(emitter, database, self.history.url());
        settings.deadline = deadline;
        settings.keys = wishes.keys.clone();
        let live = Live::connect(config, wishes.bounds.clone(), &Health::default()).await.unwrap();
        settings.live = Some(live);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        self.urls.push(format!("http://{}", listener.local_addr().unwrap()));
        let shutdown = CancellationToken::new();
        self.shutdowns.push(shutdown.clone());
        self.served.push(tokio::spawn(serve(settings, listener, shutdown)));
    }

    pub(crate) fn request(&self, replica: usize, path: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("{}{path}", self.urls[replica]))
    }

    /// The stream of an order, from the start or from where another ended.
    pub(crate) async fn follow(&self, replica: usize, id: &str, from: Option<&str>) -> Reader {
        let mut request = self.request(replica, &format!("/orders/{id}/events"));
        if let Some(from) = from {
            request = request.header("Last-Event-ID", from);
        }
        Reader::of(request.send().await.unwrap())
    }

    pub(crate) async fn emit(&self, event: &impl Event) -> String {
        self.emit_as(event, EventId::new()).await
    }

    pub(crate) async fn emit_as(&self, event: &impl Event, id: EventId) -> String {
        let meta = Meta { id, ..Meta::new(self.emitter.encoders().source()) };
        self.emitter.emit_as(event, &meta).await.unwrap();
        id.to_string()
    }

    /// Places an order; the event's id.
    pub(crate) async fn place(&self, id: &str) -> String {
        self.emit(&placed(id, None)).await
    }

    /// Confirms it, and begins stages; the events' ids.
    pub(crate) async fn go_through(&self, id: &str, cause: &str, stages: i64) -> Vec<String> {
        let mut ids = vec![self.emit(&confirmed(id, 1, cause)).await];
        for number in 0..stages {
            ids.push(self.emit(&started(id, number + 2, cause)).await);
        }
        ids
    }
}

impl Drop for LiveShop {
    fn drop(&mut self) {
        self.shutdowns.iter().for_each(CancellationToken::cancel);
    }
}

pub(crate) fn placed(id: &str, caller: Option<&str>) -> OrderPlaced {
    let line = OrderLine {
        sku: "margherita".into(),
        name: None,
        category: None,
        quantity: 1,
        unit_price: "8.5000".parse().unwrap(),
    };
    OrderPlaced {
        order_id: id.into(),
        user_id: None,
        currency: "GBP".into(),
        lines: vec![line],
        total: "8.50".parse().unwrap(),
        caller: caller.map(str::to_owned),
        coupons: Vec::new(),
        payment_token: None,
    }
}

pub(crate) fn confirmed(id: &str, sequence: i64, cause: &str) -> OrderConfirmed {
    OrderConfirmed {
        order_id: id.into(),
        sequence,
        caused_by: cause.into(),
        ready_at: None,
        discounts: Vec::new(),
        to_pay: None,
    }
}

pub(crate) fn started(id: &str, sequence: i64, cause: &str) -> StageStarted {
    StageStarted {
        order_id: id.into(),
        sequence,
        caused_by: cause.into(),
        stage: format!("stage-{sequence}"),
        ends_at: DateTime::<Utc>::UNIX_EPOCH,
        station: Some(2),
    }
}

pub(crate) fn cancelled(id: &str, sequence: i64, cause: &str, reason: String) -> OrderCancelled {
    OrderCancelled { order_id: id.into(), sequence, caused_by: cause.into(), reason }
}

pub(crate) fn cancellation(id: &str) -> OrderCancellationRequested {
    OrderCancellationRequested {
        order_id: id.into(),
        reason: None,
        requested_by: RequestedBy::Customer,
    }
}

pub(crate) fn gift_wrapped(id: &str, sequence: i64) -> OrderGiftWrapped {
    OrderGiftWrapped { order_id: id.into(), sequence, reason: "a present".into() }
}

/// So many bytes of words.
pub(crate) fn reason(bytes: usize) -> String {
    "x".repeat(bytes)
}
