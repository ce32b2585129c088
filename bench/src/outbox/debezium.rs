//! Debezium's Postgres connector with its outbox router, in Kafka Connect: it reads the inserted rows from
//! the write-ahead log, by a replication slot of each round's database. The worker runs through all rounds.
//! Set as its documentation has it for what is measured: by default it waits up to half a second for more
//! changes to send together.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use orderly_sdk::OutRecord;
use orderly_stores::{Tx, Value as Column};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{Place, relay::Tuned};
use crate::{
    Error,
    peers::Worker,
    postgres::{At, connect},
};

const STARTING: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

/// As the router wants it, but for the id, which is text.
const TABLE: &str = "
    CREATE TABLE debezium_outbox (
        id TEXT PRIMARY KEY, aggregatetype TEXT NOT NULL, aggregateid TEXT NOT NULL,
        type TEXT NOT NULL, payload BYTEA NOT NULL
    )";
const INSERT: &str = "
    INSERT INTO debezium_outbox (id, aggregatetype, aggregateid, type, payload)
    SELECT r.id, r.aggregatetype, r.aggregateid, r.type, r.payload
    FROM {rows: id TEXT, aggregatetype TEXT, aggregateid TEXT, type TEXT, payload BYTEA} AS r
    {in_order}";

/// One round's.
pub(super) struct Connector {
    worker: Arc<Worker>,
    name: String,
    slot: String,
    client: Client,
}

pub(super) async fn prepare(place: &Place) -> Result<(), Error> {
    connect(&place.database).await?.batch_execute(TABLE).await?;
    Ok(())
}

/// `topic`: where the router is to send them.
pub(super) async fn insert(tx: &mut Tx, topic: &str, records: &[OutRecord]) -> Result<(), Error> {
    let row = |record: &OutRecord| {
        let header = |name| Column::from(record.headers.get_str(name).unwrap_or_default());
        let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned();
        vec![
            header("ce_id"),
            topic.into(),
            Column::Text(key),
            header("ce_type"),
            record.payload.as_deref().into(),
        ]
    };
    tx.execute_many(INSERT, records.iter().map(row).collect()).await?;
    Ok(())
}

impl Connector {
    /// Returns when it reads the log.
    pub(super) async fn start(
        worker: Arc<Worker>,
        place: &Place,
        tuned: Tuned,
    ) -> Result<Self, Error> {
        let slot = place.name.replace('-', "_");
        let client = connect(&place.database).await?;
        let connector = Self { worker, name: place.name.clone(), slot, client };
        let config = config(&connector.slot, place.database.url(), tuned)?;
        connector.worker.run(&connector.name, &config).await?;
        connector.worker.until_running(&connector.name, STARTING).await?;
        connector.until_reading(true).await?;
        Ok(connector)
    }

    pub(super) async fn stop(&self) -> Result<(), Error> {
        self.worker.stop(&self.name).await?;
        self.until_reading(false).await
    }

    pub(super) async fn go_on(&self) -> Result<(), Error> {
        self.worker.resume(&self.name).await
    }

    /// A database with a slot can't be dropped.
    pub(super) async fn end(&self) -> Result<(), Error> {
        self.worker.delete(&self.name).await?;
        self.until_reading(false).await?;
        self.client.execute("SELECT pg_drop_replication_slot($1)", &[&self.slot]).await?;
        Ok(())
    }

    async fn until_reading(&self, wanted: bool) -> Result<(), Error> {
        let deadline = Instant::now() + STARTING;
        let active = "SELECT active FROM pg_replication_slots WHERE slot_name = $1";
        loop {
            let row = self.client.query_opt(active, &[&self.slot]).await?;
            let is_active = row.map_or(Ok(false), |row| row.try_get(0))?;
            if is_active == wanted {
                return Ok(());
            }
            if Instant::now() > deadline {
                let trace = self.worker.trace(&self.name).await?;
                return Err(format!("its slot's reader is {is_active}: {trace}").into());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn config(slot: &str, database: &str, tuned: Tuned) -> Result<Value, Error> {
    let at = At::read(database)?;
    let mut config = json!({
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        "database.hostname": at.host,
        "database.port": at.port.to_string(),
        "database.user": at.user,
        "database.password": at.password,
        "database.dbname": at.database,
        "topic.prefix": slot,
        "plugin.name": "pgoutput",
        "slot.name": slot,
        "publication.name": slot,
        "publication.autocreate.mode": "filtered",
        "table.include.list": "public.debezium_outbox",
        "snapshot.mode": "no_data",
        "transforms": "outbox",
        "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter",
        "transforms.outbox.route.topic.replacement": "${routedByValue}",
        "transforms.outbox.table.fields.additional.placement": "type:header:ce_type",
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        "producer.override.compression.type": "lz4",
    });
    let more = match tuned {
        Tuned::Latency => json!({
            "poll.interval.ms": "1",
            "producer.override.linger.ms": "0",
        }),
        Tuned::Throughput => json!({
            "poll.interval.ms": "20",
            "max.batch.size": "8192",
            "max.queue.size": "32768",
            "producer.override.linger.ms": "5",
            "producer.override.batch.size": "262144",
        }),
    };
    if let (Some(config), Value::Object(more)) = (config.as_object_mut(), more) {
        config.extend(more);
    }
    Ok(config)
}
