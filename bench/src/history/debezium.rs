//! Debezium's JDBC sink in Kafka Connect: what happened to the orders, as flat rows, a record each,
//! into our own table. Tuned: batches of 5,000, upserts, rewritten batches, the rows' schema given
//! once instead of read with each record; the worker runs through all rounds.

use std::{path::PathBuf, sync::Arc, time::Duration};

use history::ReadModel;
use orderly_harness::Program;
use orderly_sdk::codec::Encoders;
use orderly_stores::Database;
use rdkafka::producer::BaseRecord;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Job, PARTITIONS, copied::Tables};
use crate::{
    Error,
    broker::{self, Broker},
    load::Loader,
    peers::java_and_jars,
    postgres::{connect, database, until_all},
    round::Round,
    system::until_ready,
};

const PART: &str = "connect-peer";
const POM: &str = include_str!("../../peers/connect/pom.xml");
const TOPIC: &str = "timeline";
const BATCH: u32 = 5_000;
const STARTING: Duration = Duration::from_secs(60);
/// A round that takes longer is cut.
const LIMIT: Duration = Duration::from_secs(90);
/// That many rows are counted in some 15 ms.
const COUNT: (&str, Duration) =
    ("SELECT count(*) FROM history_timeline", Duration::from_millis(250));
/// What runs it.
pub(super) struct Connect {
    java: PathBuf,
    jars: PathBuf,
}

/// A worker, and the records that it is to sink.
pub(super) struct Sink {
    worker: Program,
    job: Job,
    /// In the cluster.
    topic: String,
    records: u64,
    _dir: TempDir,
}

impl Connect {
    /// Brings the jars.
    pub(super) async fn ready() -> Result<Self, Error> {
        eprintln!("fetching Kafka Connect and Debezium's JDBC sink, the first time for a minute");
        let (java, jars) = java_and_jars(PART, POM).await?;
        Ok(Self { java, jars })
    }
}

impl Sink {
    /// Puts the rows into a topic and starts a worker.
    pub(super) async fn start(
        connect: &Connect,
        broker: &Broker,
        job: &Job,
        tables: &Arc<Tables>,
    ) -> Result<Self, Error> {
        broker::create(&job.config, &[TOPIC.to_owned()], PARTITIONS).await?;
        let topic = broker::there(&job.config, TOPIC);
        let records = tables.timeline.len() as u64;
        // It writes bytes as they are: no event, no schema.
        let none = broker::register(&job.config, Encoders::of("orderly-bench")).await?;
        let loader = Loader::new(&job.config, none, "20")?;
        let (into, tables) = (topic.clone(), Arc::clone(tables));
        tokio::task::spawn_blocking(move || {
            for (order_id, row) in &tables.timeline {
                loader.produce(|| {
                    BaseRecord::to(&into).key(order_id.as_bytes()).payload(row.as_bytes())
                })?;
            }
            loader.finish(records)
        })
        .await??;
        let dir = tempfile::tempdir()?;
        let settings = dir.path().join("worker.properties");
        let args = |at: &[String]| {
            let offsets = dir.path().join("offsets");
            // What can't be written makes the worker end, which is told.
            let _ = std::fs::write(
                &settings,
                format!(
                    "bootstrap.servers={}\nlisteners=http://{}\n\
                     offset.storage.file.filename={}\nplugin.discovery=hybrid_warn\n\
                     connector.client.config.override.policy=All\n\
                     key.converter=org.apache.kafka.connect.storage.StringConverter\n\
                     value.converter=org.apache.kafka.connect.json.JsonConverter\n",
                    broker.bootstrap(),
                    at[0],
                    offsets.display()
                ),
            );
            let class = "org.apache.kafka.connect.cli.ConnectStandalone";
            let jars = connect.jars.join("*");
            vec!["-cp".into(), jars.into(), class.into(), settings.clone().into()]
        };
        let worker = Program::run(PART, &connect.java, 1, args, Vec::new());
        let worker = worker.map_err(|why| format!("Kafka Connect: {why}"))?;
        let sink = Self { worker, job: job.clone(), topic, records, _dir: dir };
        until_ready(PART, &sink.worker, &sink.url("/connectors"), STARTING).await?;
        Ok(sink)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.worker.address(0))
    }
}

/// One round: a connector of its own, into a database of its own.
pub(super) async fn round(sink: Arc<Sink>, number: u32) -> Result<Round, Error> {
    let database = database(&sink.job.postgres).await?;
    // The same table as ours, with its key.
    ReadModel::open(&Database::open(database.url())?).await?;
    let client = connect(&database).await?;
    let name = format!("timeline-{number}");
    let url = sink.url(&format!("/connectors/{name}"));
    let config = config(&sink.topic, database.url())?;
    let http = reqwest::Client::new();
    http.put(format!("{url}/config")).json(&config).send().await?.error_for_status()?;
    let round = until_all(&client, COUNT, sink.records, LIMIT).await;
    let status: Value = http.get(format!("{url}/status")).send().await?.json().await?;
    http.delete(&url).send().await?.error_for_status()?;
    round.map_err(|why| {
        let trace = status["tasks"][0]["trace"].as_str().unwrap_or("it says nothing");
        format!("{why}; its task: {}", trace.chars().take(400).collect::<String>()).into()
    })
}

fn config(topic: &str, database: &str) -> Result<Value, Error> {
    let database = reqwest::Url::parse(database)?;
    let at = |part: Option<&str>| part.map(ToOwned::to_owned).ok_or("a url without a host");
    let jdbc = format!(
        "jdbc:postgresql://{}:{}{}?reWriteBatchedInserts=true",
        at(database.host_str())?,
        database.port().unwrap_or(5432),
        database.path()
    );
    Ok(json!({
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "tasks.max": "1",
        "topics": topic,
        "connection.url": jdbc,
        "connection.username": database.username(),
        "connection.password": database.password().unwrap_or_default(),
        "insert.mode": "upsert",
        "primary.key.mode": "record_value",
        "primary.key.fields": "order_id,event_id",
        "schema.evolution": "none",
        "collection.name.format": "history_timeline",
        "batch.size": BATCH.to_string(),
        "use.reduction.buffer": "true",
        "consumer.override.max.poll.records": BATCH.to_string(),
        "consumer.override.auto.offset.reset": "earliest",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "true",
        "value.converter.schema.content": schema().to_string(),
    }))
}

/// Of a row, as Connect writes schemas.
fn schema() -> Value {
    let field = |name: &str, kind: &str, optional: bool| json!({ "field": name, "type": kind, "optional": optional });
    let time = json!({
        "field": "happened_at", "type": "int64", "optional": false,
        "name": "org.apache.kafka.connect.data.Timestamp", "version": 1,
    });
    json!({
        "type": "struct", "optional": false, "name": "timeline",
        "fields": [
            field("order_id", "string", false), field("event_id", "string", false),
            field("event_type", "string", false), field("topic", "string", false),
            field("partition_id", "int64", false), field("record_offset", "int64", false),
            time, field("sequence", "int64", true), field("caused_by", "string", true),
            field("stage", "string", true), field("reason", "string", true),
        ],
    })
}
