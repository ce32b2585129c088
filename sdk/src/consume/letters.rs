//! Records that a group gave up, kept in `<group>.dead-letters` with original bytes, key, headers
//! and coordinates.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use orderly_core::Letter;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::{DeadLetter, Failure};
use crate::{
    Config, OutRecord,
    kafka::{DeliveryError, KAFKA, Producer, ProducerSettings, Suspicion},
    record::{Coordinates, InRecord, RecordHeaders, TopicPartition},
};

/// What the names of our headers begin with.
const PREFIX: &str = "dead-letter.";
const DISCARDED: &str = "dead-letter.discarded";
/// Longest error text that is kept.
const MOST_ERROR: usize = 1_000;
/// Longest key that a letter without the record's value keeps.
const MOST_KEY: usize = 4_096;

/// Writes a group's dead letters. Connects when there is a first one.
pub(super) struct Letters {
    config: Config,
    group: Arc<str>,
    topic: Arc<str>,
    /// Topics with personal data: of their records only coordinates and a hash are kept, since
    /// dead letters are kept for ever.
    personal: Vec<String>,
    suspicion: Suspicion,
    producer: OnceCell<Producer>,
}

impl Letters {
    pub(super) fn of(
        config: &Config,
        group: &Arc<str>,
        personal: Vec<String>,
        suspicion: Suspicion,
    ) -> Self {
        Self {
            config: config.clone(),
            group: Arc::clone(group),
            topic: Self::topic_of(group).into(),
            personal,
            suspicion,
            producer: OnceCell::new(),
        }
    }

    /// Where a group's lie.
    pub(super) fn topic_of(group: &str) -> String {
        format!("{group}.dead-letters")
    }

    /// Returns once the record is acknowledged in the dead letters: its offset there.
    pub(super) async fn put(&self, letter: &Letter<InRecord>) -> Result<i64, Failure> {
        match self.send(&self.letter(letter, Keep::All)).await? {
            Err(DeliveryError::NotWritten { too_large: true, .. }) => {
                self.send(&self.letter(letter, Keep::Coordinates)).await?
            }
            sent => sent,
        }
        .map_err(|e| self.away(&self.topic, &e.why()))
    }

    /// A dead letter of at most so many bytes, to be sent elsewhere.
    pub(super) fn within(&self, letter: &Letter<InRecord>, longest: usize) -> OutRecord {
        let whole = self.letter(letter, Keep::All);
        if whole.size() <= longest { whole } else { self.letter(letter, Keep::Coordinates) }
    }

    /// Returns once a mark is acknowledged: its offset.
    pub(super) async fn mark(&self, mark: &OutRecord) -> Result<i64, Failure> {
        self.send(mark).await?.map_err(|e| self.away(&mark.topic, &e.why()))
    }

    /// Whether records of a topic are kept elsewhere by their coordinates only.
    pub(super) fn is_personal(&self, topic: &str) -> bool {
        self.personal.iter().any(|personal| personal == topic)
    }

    async fn send(&self, record: &OutRecord) -> Result<Result<i64, DeliveryError>, Failure> {
        let producer = self.producer.get_or_try_init(|| async {
            let settings = ProducerSettings {
                linger: Duration::ZERO,
                delivery_timeout: Duration::from_secs(30),
                most_records: 1_000,
                most_kib: 16 * 1024,
            };
            Producer::new(&self.config, &self.group, settings, self.suspicion.clone())
        });
        let producer = producer.await.map_err(|e| self.away(&record.topic, &e.to_string()))?;
        Ok(producer.deliver(record).await.map(|delivered| delivered.offset))
    }

    fn away(&self, topic: &str, why: &str) -> Failure {
        Failure::unavailable(KAFKA, format_args!("writing to `{topic}`: {why}"))
    }

    fn letter(&self, letter: &Letter<InRecord>, keep: Keep) -> OutRecord {
        let Letter { record, error, attempts, is_parked, .. } = letter;
        let at = record.at();
        let mut headers: RecordHeaders = record
            .headers()
            .filter(|(name, _)| keep == Keep::All && !name.starts_with(PREFIX))
            .collect();
        let mut put = |name: &str, value: String| {
            headers.push(&format!("{PREFIX}{name}"), value.as_bytes());
        };
        put("topic", at.partition.topic.to_string());
        put("partition", at.partition.partition.to_string());
        put("offset", at.offset.to_string());
        if let Some(timestamp) = record.timestamp() {
            put("timestamp", timestamp.to_rfc3339_opts(SecondsFormat::Millis, true));
        }
        put("group", self.group.to_string());
        if *is_parked {
            put("parked", "true".to_owned());
        }
        let is_personal = self.is_personal(&at.partition.topic);
        // An error may quote what it failed on.
        let error = if is_personal { "withheld: the topic holds personal data" } else { error };
        put("error", error.chars().take(MOST_ERROR).collect());
        put("attempts", attempts.to_string());
        let payload = match record.payload() {
            Some(payload) if is_personal || keep == Keep::Coordinates => {
                put("sha256", hex::encode(Sha256::digest(payload)));
                None
            }
            other => other.map(<[u8]>::to_vec),
        };
        let key = record.key().filter(|key| keep == Keep::All || key.len() <= MOST_KEY);
        OutRecord {
            topic: Arc::clone(&self.topic),
            partition: Some(at.partition.partition),
            key: key.map(<[u8]>::to_vec),
            payload,
            headers,
            timestamp_ms: Utc::now().timestamp_millis(),
        }
    }
}

/// The record that a dead letter of `at` is of, as it was read; `None` where the letter is of another
/// partition. Without its value where that wasn't kept.
pub(super) fn original(letter: &InRecord, at: &TopicPartition) -> Option<InRecord> {
    let coordinates = source(letter).filter(|source| source.partition == *at)?;
    let timestamp = said(letter, "timestamp");
    let timestamp = timestamp.and_then(|time| DateTime::parse_from_rfc3339(time).ok());
    let headers = letter
        .headers()
        .filter(|(name, _)| !name.starts_with(PREFIX))
        .map(|(name, value)| (name.as_bytes(), value));
    Some(InRecord::new(
        coordinates,
        timestamp.map(|time| time.timestamp_millis()),
        letter.key(),
        letter.payload(),
        headers,
    ))
}

/// A dead letter as operators see it, as if none were done since; `None` where the record is none.
pub(super) fn read(letter: InRecord) -> Option<DeadLetter> {
    Some(DeadLetter {
        at: letter.at().clone(),
        source: source(&letter)?,
        error: said(&letter, "error").unwrap_or_default().to_owned(),
        attempts: said(&letter, "attempts").and_then(|text| text.parse().ok()).unwrap_or(0),
        is_parked: is_parked(&letter),
        is_done: false,
        record: letter,
    })
}

/// Where the record lies that a dead letter is of.
fn source(letter: &InRecord) -> Option<Coordinates> {
    let topic = said(letter, "topic")?.into();
    let partition = said(letter, "partition")?.parse().ok()?;
    let partition = TopicPartition { topic, partition };
    Some(Coordinates { partition, offset: said(letter, "offset")?.parse().ok()? })
}

fn said<'a>(letter: &'a InRecord, name: &str) -> Option<&'a str> {
    letter.header_str(&format!("{PREFIX}{name}"))
}

/// Whether it is of a parked key, and not passed over.
pub(super) fn is_parked(letter: &InRecord) -> bool {
    said(letter, "parked").is_some()
}

/// Whether a letter keeps coordinates and a hash, and not the value.
pub(super) fn is_without_value(letter: &InRecord) -> bool {
    letter.header(&format!("{PREFIX}sha256")).is_some()
}

/// A record that was deleted at its source since it went to the dead letters.
pub(super) fn discarded(record: &InRecord) -> InRecord {
    let headers = [(DISCARDED.as_bytes(), b"true".as_slice())];
    InRecord::new(record.at().clone(), None, record.key(), None, headers.into_iter())
}

/// Whether a record is one that was deleted at its source.
pub(super) fn is_discarded(record: &InRecord) -> bool {
    record.header(DISCARDED).is_some()
}

/// What of a record its dead letter keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    All,
    /// Where it lies and a hash: with our headers the whole would be larger than a topic takes.
    Coordinates,
}
