//! The task behind a view: record by record, for ever.

use std::{str, sync::Arc, time::Duration};

use metrics::{Counter, Gauge, counter, gauge};
use tokio::sync::watch;

use super::{
    held::{Held, NoRoom},
    read_to::ReadTo,
};
use crate::{
    Away, Config, Event, Health,
    codec::{Registry, RegistryError, Schema, frame},
    consume::Unavailable,
    kafka::{KAFKA, KafkaError, Read, Reader, Watch},
    record::InRecord,
};

/// Times that the registry is asked for a schema that it doesn't have.
const MOST_LOOKUPS: u32 = 5;
/// First and longest wait between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MOST_PAUSE: Duration = Duration::from_secs(2);

pub(super) struct Follower<E: Event> {
    config: Config,
    registry: Registry,
    held: Arc<Held<E>>,
    health: Health,
    watch: Watch,
    reader: Reader,
    read_to: Arc<ReadTo>,
    reading: Option<Reading>,
    told: watch::Sender<bool>,
    /// That keys are lacking: for ever.
    lacking: Option<Away>,
    counts: Counts,
}

/// Until every partition was read to its end.
struct Reading {
    /// Partitions that weren't yet.
    left: Vec<i32>,
    _away: Away,
}

/// What becomes of one record.
enum Said<E> {
    Now(E),
    Nothing,
    Skipped,
}

impl<E: Event> Follower<E> {
    pub(super) fn start(
        config: &Config,
        registry: Registry,
        held: Arc<Held<E>>,
        read_to: Arc<ReadTo>,
        health: Health,
        told: watch::Sender<bool>,
    ) -> Result<Self, KafkaError> {
        let watch = Watch::start(config, &health);
        let reader = Reader::suspecting(config, E::TOPIC, watch.suspicion().clone())?;
        let partitions: Vec<i32> = read_to.partitions().collect();
        for partition in &partitions {
            reader.read(*partition, None);
        }
        let away = health.away(E::TOPIC, "it isn't read to its end yet");
        Ok(Self {
            config: config.clone(),
            registry,
            held,
            health,
            watch,
            reader,
            read_to,
            reading: Some(Reading { left: partitions, _away: away }),
            told,
            lacking: None,
            counts: Counts::of(E::TOPIC),
        })
    }

    /// Ends only when it is dropped.
    pub(super) async fn run(mut self) {
        let (mut away, mut pause) = (None, FIRST_PAUSE);
        loop {
            let error = match self.reader.next().await {
                Some(Ok(read)) => {
                    (away, pause) = (None, FIRST_PAUSE);
                    self.take(read).await;
                    continue;
                }
                Some(Err(error)) => error.to_string(),
                None => "its reader ended".to_owned(),
            };
            tracing::warn!(topic = E::TOPIC, error, "a view can't read on; trying again");
            let told = self.health.away(KAFKA, &error);
            drop(away.replace(told));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MOST_PAUSE);
            self.begin_anew();
        }
    }

    /// Another reader, where this one was.
    fn begin_anew(&mut self) {
        let suspicion = self.watch.suspicion().clone();
        match Reader::suspecting(&self.config, E::TOPIC, suspicion) {
            Ok(reader) => {
                for partition in self.read_to.partitions() {
                    reader.read(partition, self.read_to.get(partition));
                }
                self.reader = reader;
            }
            // What is wrong is told by the old one, which is asked again.
            Err(error) => tracing::warn!(topic = E::TOPIC, %error, "a view gets no reader"),
        }
    }

    async fn take(&mut self, read: Read) {
        match read {
            Read::Record(record) => {
                let at = record.at();
                self.take_record(&record).await;
                self.read_to.set(at.partition.partition, at.offset + 1);
            }
            Read::End(partition, next) => {
                self.read_to.set(partition, next);
                self.reached_end(partition);
            }
        }
    }

    fn reached_end(&mut self, partition: i32) {
        let Some(reading) = &mut self.reading else { return };
        reading.left.retain(|left| *left != partition);
        if reading.left.is_empty() {
            self.reading = None;
            self.told.send_replace(true);
            tracing::info!(topic = E::TOPIC, keys = self.held.len(), "a view is read");
        }
    }

    async fn take_record(&mut self, record: &InRecord) {
        match self.read(record).await {
            Ok((key, Said::Now(event))) => match self.held.set(key, Arc::new(event)) {
                Ok(()) => self.counts.taken.increment(1),
                Err(NoRoom) => self.passed_over(record),
            },
            Ok((key, Said::Nothing)) => {
                self.held.remove(key);
                self.counts.removed.increment(1);
            }
            Ok((_, Said::Skipped)) => self.counts.skipped.increment(1),
            Err(why) => {
                self.counts.undecodable.increment(1);
                // Where it is, and nothing of what it says.
                tracing::warn!(at = %record.at(), why, "a view passes over a record");
            }
        }
        self.counts.keys.set(u32::try_from(self.held.len()).unwrap_or(u32::MAX));
    }

    fn passed_over(&mut self, record: &InRecord) {
        self.counts.no_room.increment(1);
        if self.lacking.is_some() {
            return;
        }
        let why = format!(
            "a view of it holds {} keys and has room for no more: restart the service with room for \
             them, or delete what is no longer needed",
            self.held.len()
        );
        tracing::error!(at = %record.at(), why, "a view lacks a key");
        self.lacking = Some(self.health.away(E::TOPIC, &why));
    }

    /// What a record says of its key; or why that can't be known.
    async fn read<'r>(&self, record: &'r InRecord) -> Result<(&'r str, Said<E>), String> {
        let key = record.key().and_then(|key| str::from_utf8(key).ok());
        let key = key.ok_or("its key is missing or no text")?;
        let Some(payload) = record.payload() else { return Ok((key, Said::Nothing)) };
        let (id, datum) = frame::split(payload).map_err(|e| e.to_string())?;
        let schema = match self.registry.cached(id) {
            Some(schema) => schema,
            None => self.schema(id).await.map_err(|e| e.to_string())?,
        };
        if schema.name() != E::TYPE {
            return Ok((key, Said::Skipped));
        }
        schema.decode(datum).map(|event| (key, Said::Now(event))).map_err(|e| e.to_string())
    }

    /// Waits for a registry that is away; one that has no such schema is asked a few times.
    async fn schema(&self, id: u32) -> Result<Arc<Schema>, RegistryError> {
        let (mut away, mut pause, mut lookups) = (None, FIRST_PAUSE, 0);
        loop {
            let error = match self.registry.schema(id).await {
                Ok(schema) => return Ok(schema),
                Err(error) => error,
            };
            match crate::away(&error) {
                Some(Unavailable { part, message }) => {
                    if away.is_none() {
                        tracing::warn!(topic = E::TOPIC, %error, "a view waits for the registry");
                    }
                    let told = self.health.away(part, message);
                    drop(away.replace(told));
                }
                None => {
                    lookups += 1;
                    let may_come = matches!(error, RegistryError::NotFound { .. });
                    if !may_come || lookups == MOST_LOOKUPS {
                        return Err(error);
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MOST_PAUSE);
        }
    }
}

/// What became of a view's records.
struct Counts {
    taken: Counter,
    removed: Counter,
    skipped: Counter,
    undecodable: Counter,
    no_room: Counter,
    keys: Gauge,
}

impl Counts {
    fn of(topic: &'static str) -> Self {
        let of = |outcome: &'static str| counter!("orderly_view_records_total", "topic" => topic, "outcome" => outcome);
        Self {
            taken: of("taken"),
            removed: of("removed"),
            skipped: of("skipped"),
            undecodable: of("undecodable"),
            no_room: of("no_room"),
            keys: gauge!("orderly_view_keys", "topic" => topic),
        }
    }
}
