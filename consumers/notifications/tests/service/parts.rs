//! Broker, registry, database, emitter and the running service for a test.

use std::{future::Future, time::Duration};

use notifications::{Error, GROUP, Mail, Mailbox, Mailed, Settings, Texts};
use orderly_harness::{TestDatabase, decide};
use orderly_schemas::{
    Channel, ContactGiven, NotificationSent, OrderCancelled, OrderCompleted, OrderConfirmed,
    OrderRefunded, OrderRejected, ReadyForPickup, StageStarted, UserChanged, every_schema,
};
use orderly_sdk::{
    Config, Event, Meta,
    codec::{Encoders, Registry},
    consume::RetryPolicy,
    emit::{EmitSettings, Emitter, Receipt},
    kafka::EmbeddedBroker,
};
use orderly_stores::Database;
use orderly_testkit::EmbeddedRegistry;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(90);

pub struct Parts {
    pub config: Config,
    pub database: Database,
    pub emitter: Emitter,
    directory: TempDir,
    _postgres: Option<TestDatabase>,
    _registry: EmbeddedRegistry,
    pub broker: EmbeddedBroker,
}

impl Parts {
    /// `contacts` and `order-status` with these numbers of partitions.
    pub async fn start(contacts: i32, statuses: i32) -> Self {
        let broker = EmbeddedBroker::start([
            (UserChanged::TOPIC, 2),
            (NotificationSent::TOPIC, 1),
            (ContactGiven::TOPIC, contacts),
            (OrderConfirmed::TOPIC, statuses),
            ("notifications.dead-letters", contacts.max(statuses)),
            ("notifications.parked", contacts.max(statuses)),
        ])
        .unwrap();
        let schemas = every_schema().iter();
        let schemas = schemas.map(|file| (format!("{}-{}", file.topic, file.event), file.text));
        let registry = EmbeddedRegistry::start(schemas).await.unwrap();
        let config = broker.config(&registry.url());
        let encoders = Encoders::of("test")
            .event::<ContactGiven>()
            .event::<OrderConfirmed>()
            .event::<ReadyForPickup>()
            .event::<OrderRejected>()
            .event::<OrderCancelled>()
            .event::<OrderCompleted>()
            .event::<OrderRefunded>()
            .event::<UserChanged>()
            .event::<StageStarted>();
        let client = Registry::new(&config).unwrap();
        let encoders = encoders.register(&config, &client).await.unwrap();
        let emitter = Emitter::connect(&config, encoders, EmitSettings::default()).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let database = open(&directory, "notifications");
        Self { config, database, emitter, directory, _postgres: None, _registry: registry, broker }
    }

    /// The same with its tables on a Postgres, if there is one.
    pub async fn start_on_postgres(test: &str, contacts: i32, statuses: i32) -> Option<Self> {
        let postgres = decide(test, orderly_harness::parts::postgres().await)?;
        let parts = Self::start(contacts, statuses).await;
        let database = Database::open(postgres.url()).unwrap();
        Some(Self { database, _postgres: Some(postgres), ..parts })
    }

    /// Where a file may be.
    pub fn file(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    /// One that nothing was written to.
    pub fn another_database(&self) -> Database {
        open(&self.directory, "another")
    }

    pub fn settings(&self, mail: Mail) -> Settings {
        let mut settings = Settings::new(self.config.clone(), self.database.clone(), mail);
        settings.private_topics = vec![ContactGiven::TOPIC.to_owned()];
        settings.texts = Texts::None;
        settings.pauses = (Duration::from_millis(5), Duration::from_millis(50));
        settings.retry = RetryPolicy {
            first_backoff: Duration::from_millis(5),
            most_backoff: Duration::from_millis(50),
            ..settings.retry
        };
        settings
    }

    pub fn run(&self, mail: Mail) -> Running {
        Running::start(self.settings(mail), None)
    }

    pub async fn mailbox(&self) -> Mailbox {
        Mailbox::open(&self.database).await.unwrap()
    }

    /// Waits until that many mails were decided, sent or not.
    pub async fn mails(&self, count: usize) -> Vec<Mailed> {
        let mailbox = self.mailbox().await;
        until(&format!("{count} mails"), || async {
            let mut mails = mailbox.page(0, 10_000).await.unwrap();
            mails.retain(|mail| mail.channel == Channel::Email);
            (mails.len() >= count).then_some(mails)
        })
        .await
    }

    /// One text column of the mails: by order, each's in the order in which they were sent.
    pub async fn column(&self, column: &str) -> Vec<Option<String>> {
        let column = match column {
            "address" => "destination",
            "detail" => "answer",
            column => column,
        };
        let sql = format!(
            "SELECT {column} FROM notifications_deliveries WHERE channel = 'mail'
             ORDER BY order_id, id"
        );
        let rows = self.database.query(&sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0).unwrap()).collect()
    }

    /// The contact of an order, of somebody with that mail address.
    pub async fn contact(&self, order_id: &str, email: &str) -> Receipt {
        self.emitter.emit(&contact(order_id, Some(email))).await.unwrap()
    }

    pub async fn confirmed(&self, order_id: &str) -> Receipt {
        self.emitter.emit(&confirmed(order_id)).await.unwrap()
    }

    pub async fn rejected(&self, order_id: &str, reason: &str) -> Receipt {
        self.emitter.emit(&rejected(order_id, reason)).await.unwrap()
    }

    pub async fn historic<E: Event>(&self, event: &E) -> Receipt {
        let meta = Meta { historic: true, ..Meta::new(&"test".into()) };
        self.emitter.emit_as(event, &meta).await.unwrap()
    }
}

fn open(directory: &TempDir, name: &str) -> Database {
    Database::open(&format!("sqlite:{}/{name}.db", directory.path().display())).unwrap()
}

pub fn contact(order_id: &str, email: Option<&str>) -> ContactGiven {
    ContactGiven {
        order_id: order_id.into(),
        user_id: None,
        email: email.map(Into::into),
        phone: Some("+44 20 7946 0000".into()),
        callback_url: None,
        caller: None,
    }
}

pub fn confirmed(order_id: &str) -> OrderConfirmed {
    let (order_id, caused_by) = (order_id.into(), "cause".into());
    OrderConfirmed {
        order_id,
        sequence: 1,
        caused_by,
        ready_at: None,
        discounts: Vec::new(),
        to_pay: None,
    }
}

pub fn ready(order_id: &str) -> ReadyForPickup {
    ReadyForPickup { order_id: order_id.into(), sequence: 4, caused_by: "cause".into() }
}

pub fn rejected(order_id: &str, reason: &str) -> OrderRejected {
    let (order_id, caused_by) = (order_id.into(), "cause".into());
    OrderRejected { order_id, sequence: 1, caused_by, reason: reason.into() }
}

/// The service, running.
pub struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Running {
    pub fn start(settings: Settings, listener: Option<TcpListener>) -> Self {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(notifications::run(settings, listener, shutdown.clone()));
        Self { shutdown, task }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("stops in time").unwrap().unwrap();
    }
}

impl Running {
    /// As a process that is killed: nothing is finished.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Waits until a question has an answer.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let asking = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        loop {
            ticks.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(PATIENCE, asking).await;
    answer.unwrap_or_else(|_| panic!("{what}: not within {} s", PATIENCE.as_secs()))
}

/// Order, template and outcome of each mail: by order, as orders are told of side by side; each's in
/// the order in which they were sent.
pub fn told(mails: &[Mailed]) -> Vec<(&str, &str, orderly_schemas::DeliveryOutcome)> {
    let told = mails.iter().map(|m| (m.order_id.as_str(), m.template.as_str(), m.outcome));
    let mut told: Vec<_> = told.collect();
    told.sort_by_key(|(order, ..)| *order);
    told
}

/// Where the group is in a partition of `contacts`, as its database says.
pub async fn contacts_position(database: &Database, partition: i32) -> Option<i64> {
    let at = orderly_sdk::record::TopicPartition { topic: ContactGiven::TOPIC.into(), partition };
    orderly_stores::positions::next_offset(database, GROUP, &at).await.unwrap()
}
