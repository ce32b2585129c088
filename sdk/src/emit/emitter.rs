//! Typed events on their way to Kafka.

use std::{
    borrow::Cow,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use sha2::{Digest, Sha256};

use super::{EmitError, NotWritten, Receipt, UnknownOutcome};
use crate::{
    Config, Event, EventId, Health, Meta, OutRecord,
    codec::{EncodeError, Encoders, headers},
    consume::Unavailable,
    kafka::{
        Answer, Delivered, DeliveryError, KAFKA, KafkaError, Probe, Producer, ProducerSettings,
        Watch,
    },
    record::{Coordinates, TopicPartition},
};

/// How an emitter behaves.
#[derive(Clone, Debug)]
pub struct EmitSettings {
    /// How long a record may wait for others to share its batch: zero where somebody awaits each
    /// acknowledgement, a few milliseconds where many are sent in a row.
    pub linger: Duration,
    /// Within this an event is acknowledged or given up; `None` tries for ever.
    pub delivery_timeout: Option<Duration>,
    /// How long a send may wait for room among those in flight.
    pub room_timeout: Duration,
    /// Events in flight.
    pub most_records: u32,
    /// Their bytes, in KiB.
    pub most_kib: u32,
    /// Told when the brokers are away and when they are back.
    pub health: Health,
}

impl Default for EmitSettings {
    fn default() -> Self {
        Self {
            linger: Duration::ZERO,
            delivery_timeout: Some(Duration::from_secs(30)),
            room_timeout: Duration::from_secs(30),
            most_records: 10_000,
            most_kib: 64 * 1024,
            health: Health::default(),
        }
    }
}

/// Emits the events that its [`Encoders`] declare. Cheap to clone; all clones share one
/// connection and one bound.
///
/// Events of one key are written in the order in which [`send`](Emitter::send) returned, retries
/// of the client included. That holds for one emitter at a time, not between several.
#[derive(Clone)]
pub struct Emitter {
    encoders: Encoders,
    producer: Arc<Producer>,
    room_timeout: Duration,
    health: Health,
    watch: Arc<Watch>,
}

impl Emitter {
    /// Connects: the brokers answer and every declared topic exists, or an error says what to do.
    /// Bounded by `config.connect_timeout`.
    pub async fn connect(
        config: &Config,
        encoders: Encoders,
        settings: EmitSettings,
    ) -> Result<Self, KafkaError> {
        let probe = Probe::new(config)?;
        for topic in encoders.topics() {
            probe.partitions(topic).await?;
        }
        let watch = Watch::start(config, &settings.health);
        let producer = Producer::new(
            config,
            encoders.source(),
            ProducerSettings {
                linger: settings.linger,
                delivery_timeout: settings.delivery_timeout.unwrap_or_default(),
                most_records: settings.most_records,
                most_kib: settings.most_kib,
            },
            watch.suspicion().clone(),
        )?;
        let EmitSettings { room_timeout, health, .. } = settings;
        let (producer, watch) = (Arc::new(producer), Arc::new(watch));
        Ok(Self { encoders, producer, room_timeout, health, watch })
    }

    /// Emits an event that happened now, and waits for its acknowledgement.
    pub async fn emit<E: Event>(&self, event: &E) -> Result<Receipt, EmitError> {
        self.emit_as(event, &Meta::new(self.encoders.source())).await
    }

    /// The same under a given id, time and trace: to repeat one whose outcome is unknown, or to
    /// tell of what happened earlier.
    pub async fn emit_as<E: Event>(&self, event: &E, meta: &Meta) -> Result<Receipt, EmitError> {
        self.send(event, meta).await?.await
    }

    /// Puts an event on its way and returns as soon as there was room, so that many are in flight
    /// at once. The outcome is what the [`Pending`] resolves to.
    pub async fn send<E: Event>(&self, event: &E, meta: &Meta) -> Result<Pending, EmitError> {
        let record = self.encoders.record(event, meta);
        let record = record.map_err(|e| not_encoded::<E>(event.key(), &e))?;
        self.send_record(record, E::TYPE.into(), meta.id, Some(meta)).await
    }

    /// Deletes what `key` stands for in a compacted topic.
    pub async fn delete<E: Event>(&self, key: &str) -> Result<Receipt, EmitError> {
        let meta = Meta::new(self.encoders.source());
        let record = self.encoders.tombstone::<E>(key, &meta);
        let record = record.map_err(|e| not_encoded::<E>(key, &e))?;
        self.send_record(record, E::TYPE.into(), meta.id, Some(&meta)).await?.await
    }

    /// Sends a record that is encoded already, as it lay in an outbox.
    pub async fn send_encoded(&self, record: OutRecord) -> Result<Pending, EmitError> {
        let said = |name| record.headers.get_str(name);
        let event = said(headers::TYPE).unwrap_or("(no ce_type)").to_owned();
        let (source, id) = (said(headers::SOURCE), said(headers::ID));
        let id = EventId::from_header(source.unwrap_or("unknown"), id.unwrap_or_default());
        self.send_record(record, event.into(), id, None).await
    }

    /// Waits until everything sent so far has its outcome. `false`: not within `patience`.
    #[must_use]
    pub async fn flush(&self, patience: Duration) -> bool {
        self.producer.flush(patience).await
    }

    /// Why nothing can be emitted any more, if so: only a new emitter helps.
    pub fn fatal_error(&self) -> Option<String> {
        self.producer.fatal_error()
    }

    /// Has the brokers asked whether they are there, and the answer told to [`health`](Self::health):
    /// for who waits without a limit, and sees no failure.
    pub fn doubt_brokers(&self) {
        self.watch.suspicion().raise();
    }

    /// What it was given to report to: there `kafka` is away when no broker answers.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// What this emitter can encode.
    pub fn encoders(&self) -> &Encoders {
        &self.encoders
    }

    async fn send_record(
        &self,
        record: OutRecord,
        event: Cow<'static, str>,
        id: EventId,
        meta: Option<&Meta>,
    ) -> Result<Pending, EmitError> {
        let hash = Sha256::digest(record.payload.as_deref().unwrap_or_default()).into();
        let sending = self.producer.send(&record, self.room_timeout).await;
        // The rest is the client's now; only what an answer is told with is kept.
        let OutRecord { topic, key, .. } = record;
        let sent = Sent { topic, key, event, id, meta: meta.cloned(), hash };
        match sending {
            Ok(answer) => Ok(Pending { answer, sent: Some(sent.into()) }),
            Err(error) => Err(sent.failed(error)),
        }
    }
}

/// An event on its way. Resolves to its outcome; dropped before that, a failure is only counted
/// and logged.
#[must_use = "the event's outcome is what this resolves to"]
pub struct Pending {
    answer: Answer,
    /// On the heap: what waits in long rows is moved often.
    sent: Option<Box<Sent>>,
}

impl Future for Pending {
    type Output = Result<Receipt, EmitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(cx));
        let Some(sent) = self.sent.take() else {
            return Poll::Pending;
        };
        Poll::Ready(match answer {
            Ok(delivered) => Ok(sent.receipt(delivered)),
            Err(error) => Err(sent.failed(error)),
        })
    }
}

/// It never will be, as it is.
fn not_encoded<E: Event>(key: &str, why: &EncodeError) -> EmitError {
    EmitError::NotWritten(Box::new(NotWritten {
        event: E::TYPE.into(),
        topic: E::TOPIC.into(),
        key: key.into(),
        why: why.to_string(),
        is_final: true,
        away: None,
    }))
}

fn away(why: &str) -> Unavailable {
    Unavailable { part: KAFKA, message: why.to_owned() }
}

/// What an answer is told with.
struct Sent {
    topic: Arc<str>,
    key: Option<Vec<u8>>,
    event: Cow<'static, str>,
    id: EventId,
    meta: Option<Meta>,
    hash: [u8; 32],
}

impl Sent {
    fn receipt(self, delivered: Delivered) -> Receipt {
        let Self { topic, id: event_id, hash, .. } = self;
        let partition = TopicPartition { topic, partition: delivered.partition };
        Receipt { at: Coordinates { partition, offset: delivered.offset }, event_id, hash }
    }

    fn failed(self, error: DeliveryError) -> EmitError {
        let Self { topic, key, event, meta, .. } = self;
        let key = String::from_utf8_lossy(key.as_deref().unwrap_or_default()).into();
        let (topic, event) = (topic.to_string(), event.into_owned());
        match error {
            DeliveryError::NotWritten { why, too_large: is_final, is_away } => {
                let away = is_away.then(|| away(&why));
                let not_written = NotWritten { event, topic, key, why, is_final, away };
                EmitError::NotWritten(Box::new(not_written))
            }
            DeliveryError::Unknown { why, is_away } => {
                let away = is_away.then(|| away(&why));
                let unknown = UnknownOutcome { event, topic, key, why, meta, away };
                EmitError::Unknown(Box::new(unknown))
            }
        }
    }
}
