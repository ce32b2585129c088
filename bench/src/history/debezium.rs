//! Debezium's JDBC sink in Kafka Connect: what happened to the orders, as flat rows, a record each,
//! into our own table. Tuned: batches of 5,000, upserts, rewritten batches, the rows' schema given
//! once instead of read with each record; the worker runs through all rounds.

use std::{sync::Arc, time::Duration};

use history::ReadModel;
use orderly_sdk::codec::Encoders;
use orderly_stores::Database;
use rdkafka::producer::BaseRecord;
use serde_json::{Value, json};

use super::{Job, PARTITIONS, copied::Tables};
use crate::{
    Error,
    broker::{self, Broker},
    load::Loader,
    peers::{Connect, Worker},
    postgres::{At, connect, database, until_all},
    round::Round,
};

const TOPIC: &str = "timeline";
const BATCH: u32 = 5_000;
/// A round that takes longer is cut.
const LIMIT: Duration = Duration::from_secs(90);
/// That many rows are counted in some 15 ms.
const COUNT: (&str, Duration) =
    ("SELECT count(*) FROM history_timeline", Duration::from_millis(250));

/// A worker, and the records that it is to sink.
pub(super) struct Sink {
    worker: Worker,
    job: Job,
    /// In the cluster.
    topic: String,
    records: u64,
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
        let worker = connect.start(broker.bootstrap()).await?;
        Ok(Self { worker, job: job.clone(), topic, records })
    }
}

/// One round: a connector of its own, into a database of its own.
pub(super) async fn round(sink: Arc<Sink>, number: u32) -> Result<Round, Error> {
    let database = database(&sink.job.postgres).await?;
    // The same table as ours, with its key.
    ReadModel::open(&Database::open(database.url())?).await?;
    let client = connect(&database).await?;
    let name = format!("timeline-{number}");
    sink.worker.run(&name, &config(&sink.topic, database.url())?).await?;
    let round = until_all(&client, COUNT, sink.records, LIMIT).await;
    let trace = sink.worker.trace(&name).await?;
    sink.worker.delete(&name).await?;
    round.map_err(|why| format!("{why}; its task: {trace}").into())
}

fn config(topic: &str, database: &str) -> Result<Value, Error> {
    let to = At::read(database)?;
    Ok(json!({
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "tasks.max": "1",
        "topics": topic,
        "connection.url": format!(
            "jdbc:postgresql://{}:{}/{}?reWriteBatchedInserts=true", to.host, to.port, to.database
        ),
        "connection.username": to.user,
        "connection.password": to.password,
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
