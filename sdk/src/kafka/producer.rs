//! Writing records: acks=all, idempotent, Java's partitioner; many in flight, bounded in number
//! and bytes; each answered by what surely happened to it.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    ClientContext, Message,
    error::KafkaError as Native,
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer},
    types::RDKafkaErrorCode as Code,
};
use tokio::sync::{Semaphore, oneshot};

use super::{KafkaError, Suspicion, client, errors, ffi, names::Names};
use crate::{Config, OutRecord, faults};

/// How a producer behaves.
#[derive(Clone, Debug)]
pub(crate) struct ProducerSettings {
    /// How long a record may wait for others to share its batch.
    pub(crate) linger: Duration,
    /// Within this a record is acknowledged or given up. Zero: never given up.
    pub(crate) delivery_timeout: Duration,
    /// Records accepted and not yet answered.
    pub(crate) most_records: u32,
    /// Their bytes, in KiB.
    pub(crate) most_kib: u32,
}

/// One connection to write by. Dropping it gives up what is in flight, and says so to each.
pub(crate) struct Producer {
    native: ThreadedProducer<Answers>,
    room: Arc<Room>,
    names: Names,
    settings: ProducerSettings,
}

/// Where an acknowledged record lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivered {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

/// What happened to a record that wasn't acknowledged.
#[derive(Clone, Debug)]
pub(crate) enum DeliveryError {
    /// It surely isn't in the log.
    NotWritten { why: String, too_large: bool, is_away: bool },
    /// It may be.
    Unknown { why: String, is_away: bool },
}

/// Properties that the promises rest on.
const FIXED: [(&str, &str); 2] = [("enable.idempotence", "true"), ("acks", "all")];
/// What [`faults::ONE_ACK`] makes of them.
const FAULTY: [(&str, &str); 2] = [("enable.idempotence", "false"), ("acks", "1")];

impl Producer {
    pub(crate) fn new(
        config: &Config,
        client_id: &str,
        settings: ProducerSettings,
        suspicion: Suspicion,
    ) -> Result<Self, KafkaError> {
        let mut native = client::base(config, client_id);
        native
            // Java's: the same key goes to the same partition whoever writes it.
            .set("partitioner", "murmur2_random")
            .set("compression.type", "lz4")
            .set("linger.ms", client::millis(settings.linger))
            .set("message.timeout.ms", client::millis(settings.delivery_timeout))
            // Above our own bounds, so that the library's queue is never the one that is full.
            .set("queue.buffering.max.messages", (settings.most_records + 1_000).to_string())
            .set("queue.buffering.max.kbytes", (settings.most_kib + 8_192).to_string());
        let fixed = if faults::is_planted(faults::ONE_ACK) { &FAULTY } else { &FIXED };
        let native = client::finish(native, config, fixed)?;
        let native = native
            .create_with_context(Answers { suspicion })
            .map_err(|e| KafkaError::failed("creating a producer", &e))?;
        let room = Arc::new(Room {
            records: Semaphore::new(settings.most_records as usize),
            kib: Semaphore::new(settings.most_kib as usize),
        });
        Ok(Self { native, room, names: Names::of(config), settings })
    }

    /// Puts a record on its way. Waits for room; once this has returned, records of one partition
    /// are written in the order of these calls. The answer comes by the receiver.
    pub(crate) async fn send(
        &self,
        record: &OutRecord,
    ) -> Result<oneshot::Receiver<Result<Delivered, DeliveryError>>, DeliveryError> {
        let kib = u32::try_from(record.size().div_ceil(1024)).unwrap_or(u32::MAX);
        if kib > self.settings.most_kib {
            return Err(DeliveryError::NotWritten {
                why: format!("it takes {kib} KiB, more than may be in flight at all"),
                too_large: true,
                is_away: false,
            });
        }
        // Forgotten only when both are there, so that a caller who gives up takes nothing away.
        // They are never closed: an error can't be.
        let record_permit = self.room.records.acquire().await;
        let kib_permit = self.room.kib.acquire_many(kib).await;
        if let (Ok(record_permit), Ok(kib_permit)) = (record_permit, kib_permit) {
            record_permit.forget();
            kib_permit.forget();
        }
        let (answer, answered) = oneshot::channel();
        let ticket = Box::new(Ticket { answer, kib, room: Arc::clone(&self.room) });
        self.enqueue(record, ticket)?;
        Ok(answered)
    }

    /// Puts a record on its way and waits for its answer.
    pub(crate) async fn deliver(&self, record: &OutRecord) -> Result<Delivered, DeliveryError> {
        self.send(record).await?.await.unwrap_or_else(|_| {
            Err(DeliveryError::Unknown { why: "the producer was closed".into(), is_away: false })
        })
    }

    /// Waits until everything sent so far is answered. `false`: not within `patience`.
    pub(crate) async fn flush(&self, patience: Duration) -> bool {
        let all = self.room.records.acquire_many(self.settings.most_records);
        tokio::time::timeout(patience, all).await.is_ok()
    }

    /// Set once the library has given up on this producer; only a new one helps.
    pub(crate) fn fatal_error(&self) -> Option<String> {
        self.native.client().fatal_error().map(|(code, why)| format!("{code}: {why}"))
    }

    fn enqueue(&self, record: &OutRecord, ticket: Box<Ticket>) -> Result<(), DeliveryError> {
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let topic = self.names.there(&record.topic);
        let mut native = BaseRecord::<[u8], [u8], Box<Ticket>>::with_opaque_to(&topic, ticket)
            .timestamp(record.timestamp_ms)
            .headers(headers);
        if let Some(key) = &record.key {
            native = native.key(key);
        }
        if let Some(payload) = &record.payload {
            native = native.payload(payload);
        }
        if let Some(partition) = record.partition {
            native = native.partition(partition);
        }
        self.native.send(native).map_err(|(error, refused)| {
            refused.delivery_opaque.room.leave(refused.delivery_opaque.kib);
            // Refused before it was queued: nothing was sent.
            DeliveryError::not_written(&error)
        })
    }
}

/// What is in flight is bounded by these.
struct Room {
    records: Semaphore,
    kib: Semaphore,
}

impl Room {
    fn leave(&self, kib: u32) {
        self.records.add_permits(1);
        self.kib.add_permits(kib as usize);
    }
}

/// Travels with a record through the library and brings back its answer.
struct Ticket {
    answer: oneshot::Sender<Result<Delivered, DeliveryError>>,
    kib: u32,
    room: Arc<Room>,
}

struct Answers {
    suspicion: Suspicion,
}

impl ClientContext for Answers {
    fn error(&self, error: Native, reason: &str) {
        client::log_client_error(&error, reason);
        self.suspicion.weigh(&error);
    }

    fn stats_raw(&self, _: &[u8]) {}
}

impl ProducerContext for Answers {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let answer = match result {
            Ok(message) => {
                Ok(Delivered { partition: message.partition(), offset: message.offset() })
            }
            Err((error, message)) => {
                self.suspicion.weigh(error);
                Err(if ffi::is_surely_not_written(message) {
                    DeliveryError::not_written(error)
                } else {
                    let is_away = errors::is_away(error);
                    DeliveryError::Unknown { why: error.to_string(), is_away }
                })
            }
        };
        let Ticket { answer: answered, kib, room } = *ticket;
        if let Err(Err(unseen)) = answered.send(answer) {
            metrics::counter!("orderly_emit_failures_unseen_total").increment(1);
            tracing::error!(?unseen, "an emitted record failed and nobody waits for its outcome");
        }
        // Only now: whoever waits for all the room finds every answer given.
        room.leave(kib);
    }
}

impl DeliveryError {
    /// What the library or the broker said.
    pub(crate) fn why(self) -> String {
        let (Self::NotWritten { why, .. } | Self::Unknown { why, .. }) = self;
        why
    }

    fn not_written(error: &Native) -> Self {
        Self::NotWritten {
            why: error.to_string(),
            too_large: error.rdkafka_error_code() == Some(Code::MessageSizeTooLarge),
            is_away: errors::is_away(error),
        }
    }
}
