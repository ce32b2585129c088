//! Writing records: acks=all, idempotent, Java's partitioner; many in flight, bounded in number
//! and bytes; each answered by what surely happened to it.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use rdkafka::{
    ClientContext, Message,
    error::KafkaError as Native,
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer},
    types::RDKafkaErrorCode as Code,
    util::IntoOpaque,
};
use tokio::{sync::Semaphore, task::JoinHandle};

use super::{
    KafkaError, Suspicion,
    answer::{self, Answer, Asked},
    bootstrap::{self, Bootstrap},
    client, errors, ffi,
    names::Names,
};
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
    native: Arc<ThreadedProducer<Answers>>,
    looking: JoinHandle<()>,
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

/// Longest that who found no room waits for more than it needs.
const MOMENT: Duration = Duration::from_millis(5);
/// What an event of ours has.
const USUAL_HEADERS: usize = 8;

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
            // Above our own bounds, so that the library's queue is never the one that is full. It counts
            // what is answered until all that was answered with it is.
            .set("queue.buffering.max.messages", (2 * settings.most_records + 1_000).to_string())
            .set("queue.buffering.max.kbytes", (2 * settings.most_kib + 8_192).to_string());
        let fixed = if faults::is_planted(faults::ONE_ACK) { &FAULTY } else { &FIXED };
        let native = client::finish(native, config, fixed)?;
        let known = Bootstrap::of(&native);
        let native = native
            .create_with_context(Answers { suspicion })
            .map_err(|e| KafkaError::failed("creating a producer", &e))?;
        let native = Arc::new(native);
        let looking = tokio::spawn(look(Arc::downgrade(&native), known));
        let room = Arc::new(Room::of(settings.most_records, settings.most_kib));
        Ok(Self { native, looking, room, names: Names::of(config), settings })
    }

    /// Puts a record on its way. Waits for room, so long at most; once this has returned, records of
    /// one partition are written in the order of these calls.
    pub(crate) async fn send(
        &self,
        record: &OutRecord,
        patience: Duration,
    ) -> Result<Answer, DeliveryError> {
        let kib = u32::try_from(record.size().div_ceil(1024)).unwrap_or(u32::MAX);
        if kib > self.settings.most_kib {
            return Err(DeliveryError::NotWritten {
                why: format!("it takes {kib} KiB, more than may be in flight at all"),
                too_large: true,
                is_away: false,
            });
        }
        // A timer only where there is something to wait for.
        if !self.room.try_enter(kib)
            && tokio::time::timeout(patience, self.room.enter(kib)).await.is_err()
        {
            return Err(DeliveryError::NotWritten {
                why: format!(
                    "{} s passed without room among the records in flight; are the brokers away?",
                    patience.as_secs()
                ),
                too_large: false,
                is_away: true,
            });
        }
        let (asked, answer) = answer::ask(Arc::clone(&self.room), kib);
        self.enqueue(record, asked)?;
        Ok(answer)
    }

    /// Puts a record on its way and waits for its answer.
    pub(crate) async fn deliver(&self, record: &OutRecord) -> Result<Delivered, DeliveryError> {
        // As long as it is tried to be written, too; zero is without end.
        let patience = match self.settings.delivery_timeout {
            Duration::ZERO => Duration::MAX,
            some => some,
        };
        self.send(record, patience).await?.await
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

    fn enqueue(&self, record: &OutRecord, asked: Asked) -> Result<(), DeliveryError> {
        let topic = self.names.there(&record.topic);
        self.native.send(to_native(record, &topic, asked)).map_err(|(error, refused)| {
            refused.delivery_opaque.leave_room();
            // Refused before it was queued: nothing was sent.
            DeliveryError::not_written(&error)
        })
    }
}

/// A record as the library takes it, with what comes back with its answer.
pub(super) fn to_native<'r, D: IntoOpaque>(
    record: &'r OutRecord,
    topic: &'r str,
    with: D,
) -> BaseRecord<'r, [u8], [u8], D> {
    let mut headers = OwnedHeaders::new_with_capacity(USUAL_HEADERS);
    for (key, value) in record.headers.iter() {
        headers = headers.insert(Header { key, value: Some(value) });
    }
    let mut native = BaseRecord::<[u8], [u8], D>::with_opaque_to(topic, with)
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
    native
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

/// A producer whose library forgot its brokers may have nobody who sends any more: they all wait.
async fn look(producer: Weak<ThreadedProducer<Answers>>, known: Bootstrap) {
    while let Some(producer) = producer.upgrade() {
        known.look(producer.client());
        drop(producer);
        tokio::time::sleep(bootstrap::LOOK).await;
    }
}

/// What is in flight is bounded by these.
pub(super) struct Room {
    records: Semaphore,
    kib: Semaphore,
    /// Who found none waits for so much, for a moment: woken for each record that leaves, it would do
    /// little else.
    some: u32,
}

impl Room {
    pub(super) fn of(records: u32, kib: u32) -> Self {
        let semaphore = |most: u32| Semaphore::new(most as usize);
        Self { records: semaphore(records), kib: semaphore(kib), some: records.div_ceil(32) }
    }

    pub(super) fn try_enter(&self, kib: u32) -> bool {
        let room = (self.records.try_acquire(), self.kib.try_acquire_many(kib));
        let (Ok(record), Ok(kib)) = room else {
            return false;
        };
        record.forget();
        kib.forget();
        true
    }

    async fn enter(&self, kib: u32) {
        let some = tokio::time::timeout(MOMENT, self.records.acquire_many(self.some)).await;
        // Forgotten only when both are there, so that a caller who gives up takes nothing away.
        // They are never closed: an error can't be.
        let record = match some {
            // The rest is given back.
            Ok(Ok(mut some)) => some.split(1),
            _ => self.records.acquire().await.ok(),
        };
        let kib = self.kib.acquire_many(kib).await.ok();
        if let (Some(record), Some(kib)) = (record, kib) {
            record.forget();
            kib.forget();
        }
    }

    pub(super) fn leave(&self, kib: u32) {
        self.records.add_permits(1);
        self.kib.add_permits(kib as usize);
    }
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
    type DeliveryOpaque = Asked;

    fn delivery(&self, result: &DeliveryResult<'_>, asked: Asked) {
        asked.answer(match result {
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
        });
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Full.
    fn room() -> Arc<Room> {
        let room = Room::of(64, 64);
        (0..64).for_each(|_| assert!(room.try_enter(1)));
        assert!(!room.try_enter(1));
        room.into()
    }

    #[tokio::test]
    async fn who_found_no_room_enters_as_soon_as_there_is_some_and_leaves_the_rest() {
        let room = room();
        let entering = tokio::spawn({
            let room = Arc::clone(&room);
            async move { room.enter(1).await }
        });
        (0..3).for_each(|_| room.leave(1));
        entering.await.unwrap();
        assert!(room.try_enter(1) && room.try_enter(1));
        assert!(!room.try_enter(1), "three left, and three entered");
    }

    #[tokio::test]
    async fn room_for_one_is_enough_in_the_end_and_who_gives_up_takes_none() {
        let room = room();
        room.leave(1);
        // Not `some`, but after a moment.
        tokio::time::timeout(Duration::from_secs(10), room.enter(1)).await.unwrap();
        let gave_up = tokio::time::timeout(2 * MOMENT, room.enter(1)).await;
        assert!(gave_up.is_err());
        room.leave(1);
        assert!(room.try_enter(1));
    }
}
