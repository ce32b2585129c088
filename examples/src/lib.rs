//! What the examples share: an event, and a place to run.

use std::{env, error::Error, future::Future};

use orderly_sdk::{
    Config, Event,
    codec::{Encoders, Registry},
    consume::{ConsumeError, Consumer, Scope},
    emit::{EmitSettings, Emitter},
    kafka::{Admin, EmbeddedBroker},
    topics::TopicSpec,
};
use orderly_testkit::EmbeddedRegistry;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What an example's `main` ends with.
pub type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// A cup was ordered at a table. What one table orders is made in that order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CupOrdered {
    /// The table.
    pub table: String,
    /// What is in the cup.
    pub drink: String,
}

impl Event for CupOrdered {
    const TYPE: &'static str = "cafe.CupOrdered";
    const TOPIC: &'static str = "cups";
    const SCHEMA: &'static str = r#"{"type": "record", "name": "CupOrdered", "namespace": "cafe",
        "fields": [{"name": "table", "type": "string"}, {"name": "drink", "type": "string"}]}"#;

    fn key(&self) -> &str {
        &self.table
    }
}

/// A cup.
pub fn cup(table: &str, drink: &str) -> CupOrdered {
    CupOrdered { table: table.into(), drink: drink.into() }
}

/// Where an example runs: on real parts that the environment names, else on its own.
pub struct Place {
    /// For emitters and consumers.
    pub config: Config,
    embedded: Option<(EmbeddedBroker, EmbeddedRegistry)>,
}

impl Place {
    /// With the topic of cups, and those of a group: its dead letters and its parked keys.
    pub async fn find(group: &str) -> Result<Self> {
        Self::with(&["cups"], group).await
    }

    /// With these topics, and those of a group.
    pub async fn with(topics: &[&str], group: &str) -> Result<Self> {
        let groups = [format!("{group}.dead-letters"), format!("{group}.parked")];
        let topics: Vec<_> = topics.iter().map(|topic| (*topic).to_owned()).chain(groups).collect();
        let real = (env::var("KAFKA_BOOTSTRAP_SERVERS"), env::var("SCHEMA_REGISTRY_URL"));
        if let (Ok(bootstrap), Ok(registry)) = real {
            let config = Config::new(bootstrap, registry);
            let topics = topics.into_iter().map(|name| TopicSpec {
                name,
                partitions: 3,
                replication: 1,
                properties: [("retention.ms", "-1".to_owned())].into(),
            });
            let topics: Vec<_> = topics.collect();
            for made in Admin::new(&config)?.create(&topics).await? {
                made.map_err(|refused| format!("{}: {}", refused.topic, refused.why))?;
            }
            return Ok(Self { config, embedded: None });
        }
        let broker = EmbeddedBroker::start(topics.iter().map(|name| (&**name, 3)))?;
        let registry = EmbeddedRegistry::start([]).await?;
        let config = broker.config(&registry.url());
        Ok(Self { config, embedded: Some((broker, registry)) })
    }

    /// Whether the parts are its own, and gone with it.
    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// An emitter of cups; their schema is registered first.
    pub async fn emitter(&self) -> Result<Emitter> {
        let registry = Registry::new(&self.config)?;
        let cups = Encoders::of("cafe").event::<CupOrdered>();
        let cups = cups.register(&self.config, &registry).await?;
        Ok(Emitter::connect(&self.config, cups, EmitSettings::default()).await?)
    }
}

/// A consumer that runs until it is told to leave.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), ConsumeError>>,
}

impl Running {
    /// Joins its group.
    pub fn start<S: Scope>(consumer: Consumer<S>) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        Self { stop, task: tokio::spawn(consumer.run_until(stopped)) }
    }

    /// Drains, commits, leaves; once `condition` holds.
    pub async fn leave_after(mut self, condition: impl Future<Output = ()>) -> Result {
        tokio::select! {
            () = condition => {}
            ended = &mut self.task => return Ok(ended??),
        }
        self.stop.cancel();
        Ok(self.task.await??)
    }
}
