//! One running order-api with everything it stands on.

use std::{
    any::Any,
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use order_api::{OrderAccepted, Prices, ProblemBody, Settings, declares, emit_settings, serve};
use orderly_harness::{decide, parts};
use orderly_schemas::{ProductChanged, ProductState, every_schema};
use orderly_sdk::{
    Config, Event,
    codec::{Encoders, Registry, Schema},
    emit::{EmitSettings, Emitter},
    kafka::{EmbeddedBroker, Probe, Tail},
    record::{InRecord, TopicPartition},
    view::{View, ViewSettings},
};
use orderly_stores::Database;
use orderly_testkit::EmbeddedRegistry;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::stub_history::StubHistory;

/// What one test wants otherwise.
pub(crate) struct Wishes {
    pub(crate) deadline: Duration,
    pub(crate) delivery: Option<Duration>,
    pub(crate) largest_message: Option<u32>,
    pub(crate) change: Box<dyn FnOnce(&mut Settings) + Send>,
    pub(crate) ground: Ground,
    /// Prices by the catalogue, which has these products; `None`: prices as given.
    pub(crate) catalogue: Option<Vec<ProductChanged>>,
    /// The catalogue can't be read before [`Shop::registry`] is brought back.
    pub(crate) is_unread: bool,
}

/// A database of a test's own.
pub(crate) struct Ground {
    url: String,
    /// Removed with it.
    _kept: Box<dyn Any + Send + Sync>,
}

impl Ground {
    pub(crate) fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/orders.db", dir.path().display());
        Self { url, _kept: Box::new(dir) }
    }

    /// On a Postgres, if there is one.
    pub(crate) async fn postgres(test: &str) -> Option<Self> {
        let database = decide(test, parts::postgres().await)?;
        Some(Self { url: database.url().to_owned(), _kept: Box::new(database) })
    }

    fn open(&self) -> Database {
        Database::open(&self.url).unwrap()
    }
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(20),
            delivery: None,
            largest_message: None,
            change: Box::new(|_| {}),
            ground: Ground::sqlite(),
            catalogue: None,
            is_unread: false,
        }
    }
}

pub(crate) struct Shop {
    pub(crate) broker: EmbeddedBroker,
    pub(crate) history: StubHistory,
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: JoinHandle<Result<(), order_api::ServeError>>,
    config: Config,
    emitter: Emitter,
    deadline: Duration,
    ground: Ground,
    pub(crate) registry: EmbeddedRegistry,
    catalogue: Option<(Emitter, View<ProductChanged>)>,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_with(Wishes::default()).await
    }

    pub(crate) async fn open_with(wishes: Wishes) -> Self {
        let broker =
            EmbeddedBroker::start([("orders", 1), ("contacts", 1), ("catalogue", 1)]).unwrap();
        let schemas = every_schema().iter().map(|s| (format!("{}-{}", s.topic, s.event), s.text));
        let mut registry = EmbeddedRegistry::start(schemas).await.unwrap();
        let mut config = broker.config(&registry.url());
        if let Some(bytes) = wishes.largest_message {
            config = config.with_property("message.max.bytes", &bytes.to_string());
        }
        config = config.with_property("reconnect.backoff.max.ms", "200");
        let encoders = declares().register(&config, &Registry::new(&config).unwrap()).await;
        let mut emit = emit_settings(wishes.deadline);
        if wishes.delivery.is_some() {
            emit = EmitSettings { delivery_timeout: wishes.delivery, ..emit };
        }
        let emitter = Emitter::connect(&config, encoders.unwrap(), emit).await.unwrap();
        let mut catalogue = None;
        if let Some(products) = &wishes.catalogue {
            let emitter = catalogue_of(&config, products).await;
            if wishes.is_unread {
                registry.go_down().await;
            }
            let view = View::follow(&config, ViewSettings::default()).await.unwrap();
            if !wishes.is_unread {
                view.read_once().await;
            }
            catalogue = Some((emitter, view));
        }
        let history = StubHistory::start().await;
        let mut settings = Settings::new(emitter.clone(), wishes.ground.open(), history.url());
        settings.deadline = wishes.deadline;
        if let Some((_, view)) = &catalogue {
            settings.prices = Prices::Catalogue(view.clone());
        }
        (wishes.change)(&mut settings);
        let shutdown = CancellationToken::new();
        let (url, served) = start(settings, &shutdown).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            broker,
            history,
            http,
            url,
            shutdown,
            served,
            config,
            emitter,
            deadline: wishes.deadline,
            ground: wishes.ground,
            registry,
            catalogue,
        }
    }

    /// Changes a product, and waits until the service sees it.
    pub(crate) async fn change(&self, product: &ProductChanged) {
        let (emitter, view) = self.catalogue.as_ref().unwrap();
        emitter.emit(product).await.unwrap();
        eventually("the change is seen", async || {
            view.get(&product.sku).is_some_and(|seen| *seen == *product)
        })
        .await;
    }

    /// Sends a body, or none, to a path.
    pub(crate) async fn post_to(&self, path: &str, body: Option<&Value>) -> Answer {
        let request = self.http.post(format!("{}{path}", self.url));
        self.send(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    /// One more of the service, on the same database; its url.
    pub(crate) async fn replica(&self) -> String {
        start(self.settings(), &self.shutdown).await.0
    }

    /// Of one more of the service.
    pub(crate) fn settings(&self) -> Settings {
        let mut settings =
            Settings::new(self.emitter.clone(), self.ground.open(), self.history.url());
        settings.deadline = self.deadline;
        settings
    }

    /// The service's own database, opened a second time.
    pub(crate) fn database(&self) -> Database {
        self.ground.open()
    }

    pub(crate) async fn post(&self, body: &Value) -> Answer {
        self.send(self.request(body)).await
    }

    pub(crate) async fn post_with_key(&self, key: &str, body: &Value) -> Answer {
        self.send(self.request(body).header("Idempotency-Key", key)).await
    }

    pub(crate) fn request(&self, body: &Value) -> reqwest::RequestBuilder {
        self.request_to(&self.url, body)
    }

    pub(crate) fn request_to(&self, url: &str, body: &Value) -> reqwest::RequestBuilder {
        self.http.post(format!("{url}/orders")).json(body)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.url))).await
    }

    /// Asks until the answer has that status, for at most 90 s.
    pub(crate) async fn until_readyz(&self, status: u16) -> Answer {
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..4_500 {
            looks.tick().await;
            let answer = self.get("/readyz").await;
            if answer.status == status {
                return answer;
            }
        }
        panic!("/readyz never answered {status}");
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response
                .headers()
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            body: response.text().await.unwrap(),
        }
    }

    /// Every record that a topic holds now.
    pub(crate) async fn records(&self, topic: &str) -> Vec<InRecord> {
        let at = TopicPartition { topic: topic.into(), partition: 0 };
        let (_, end) = Probe::new(&self.config).unwrap().ends(&at).await.unwrap();
        let mut tail = Tail::from_start(&self.config, &[topic]).await.unwrap();
        let mut records = Vec::new();
        while i64::try_from(records.len()).unwrap() < end {
            records.push(tail.next().await.unwrap().unwrap());
        }
        records
    }

    /// The next `count` records of a topic, from its start, as soon as they are there.
    pub(crate) async fn first_records(&self, topic: &str, count: usize) -> Vec<InRecord> {
        let mut tail = Tail::from_start(&self.config, &[topic]).await.unwrap();
        let mut records = Vec::new();
        while records.len() < count {
            let next = tokio::time::timeout(Duration::from_secs(90), tail.next()).await;
            records.push(next.expect("a record in time").unwrap().unwrap());
        }
        records
    }

    /// Waits for a request with a key to have claimed it.
    pub(crate) async fn claimed(&self, key: &str) {
        let database = self.database();
        let sql = "SELECT state FROM idempotency WHERE idempotency_key = $1";
        eventually("the key is claimed", async || {
            database.query_opt(sql, &[key.into()]).await.is_ok_and(|row| row.is_some())
        })
        .await;
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Puts these products on the catalogue.
async fn catalogue_of(config: &Config, products: &[ProductChanged]) -> Emitter {
    let declared = Encoders::of("catalogue").event::<ProductChanged>();
    let encoders = declared.register(config, &Registry::new(config).unwrap()).await.unwrap();
    let emitter = Emitter::connect(config, encoders, EmitSettings::default()).await.unwrap();
    for product in products {
        emitter.emit(product).await.unwrap();
    }
    emitter
}

/// A product that can be ordered.
pub(crate) fn product(sku: &str, price: &str) -> ProductChanged {
    let mut price: rust_decimal::Decimal = price.parse().unwrap();
    price.rescale(4);
    ProductChanged {
        sku: sku.into(),
        name: format!("The {sku}"),
        description: None,
        category: Some("food".into()),
        price,
        currency: "GBP".into(),
        state: ProductState::Active,
    }
}

async fn start(
    settings: Settings,
    shutdown: &CancellationToken,
) -> (String, JoinHandle<Result<(), order_api::ServeError>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (url, tokio::spawn(serve(settings, listener, shutdown.clone())))
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The accepted order that this has to be.
    pub(crate) fn accepted(&self) -> OrderAccepted {
        assert_eq!(self.status, 202, "{self:?}");
        let accepted: OrderAccepted = serde_json::from_str(&self.body).unwrap();
        assert_eq!(self.header("location").unwrap(), format!("/orders/{}", accepted.order_id));
        accepted
    }

    pub(crate) fn is_replayed(&self) -> bool {
        self.header("idempotency-replayed") == Some("true")
    }

    /// The problem of this kind that this has to be.
    pub(crate) fn problem(&self, status: u16, name: &str) -> ProblemBody {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem: ProblemBody = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem.r#type, format!("/problems/{name}"), "{problem:?}");
        assert_eq!(problem.status, status);
        assert!(!problem.title.is_empty() && !problem.detail.is_empty(), "{problem:?}");
        if status == 503 {
            assert!(self.header("retry-after").is_some(), "{self:?}");
        }
        problem
    }
}

/// Of many that asked at once under one key: one placed the order, and the others were told of the
/// same one, or that it is in flight.
pub(crate) fn are_one_order(answers: &[Answer]) {
    let fresh = answers.iter().filter(|a| a.status == 202 && !a.is_replayed()).count();
    assert_eq!(fresh, 1, "{answers:?}");
    let ids: HashSet<_> = answers
        .iter()
        .map(|answer| match answer.status {
            202 => answer.accepted().order_id,
            _ => answer.problem(409, "order-in-flight").order_id.unwrap(),
        })
        .collect();
    assert_eq!(ids.len(), 1, "{answers:?}");
}

/// A good order.
pub(crate) fn order() -> Value {
    json!({
        "user_id": "ada",
        "currency": "GBP",
        "lines": [
            { "sku": "margherita", "name": "Margherita", "quantity": 2, "unit_price": "8.50" },
            { "sku": "olives", "quantity": 3, "unit_price": "0.3333" },
        ],
    })
}

/// The same with a contact.
pub(crate) fn order_with_contact() -> Value {
    let mut order = order();
    order["contact"] = json!({ "email": EMAIL });
    order
}

pub(crate) const EMAIL: &str = "ada.lovelace@mail.example.org";

/// A record as the event that it has to be.
pub(crate) fn decode<E: Event>(record: &InRecord) -> E {
    assert_eq!(record.header_str("ce_type"), Some(E::TYPE));
    let framed = record.payload().unwrap();
    Schema::parse(E::SCHEMA).unwrap().decode(&framed[5..]).unwrap()
}

/// The ids of some records' events.
pub(crate) fn event_ids(records: &[InRecord]) -> Vec<&str> {
    records.iter().map(|record| record.header_str("ce_id").unwrap()).collect()
}

/// Waits for something to become true that nothing tells of.
pub(crate) async fn eventually(what: &str, mut is_true: impl AsyncFnMut() -> bool) {
    let patience = tokio::time::timeout(Duration::from_secs(90), async {
        while !is_true().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    patience.await.unwrap_or_else(|_| panic!("not in 90 s: {what}"));
}
