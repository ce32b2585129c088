//! Records that a group gave up, kept in `<group>.dead-letters` with original bytes, key, headers
//! and coordinates.

use std::{sync::Arc, time::Duration};

use chrono::{SecondsFormat, Utc};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::Failure;
use crate::{
    Config, OutRecord,
    kafka::{DeliveryError, KAFKA, Producer, ProducerSettings, Suspicion},
    record::InRecord,
};

/// Longest error text that is kept.
const MOST_ERROR: usize = 1_000;
/// Longest key that a letter without the record's value keeps.
const MOST_KEY: usize = 4_096;

/// Writes a group's dead letters. Connects when there is a first one.
pub(super) struct DeadLetters {
    config: Config,
    group: Arc<str>,
    topic: String,
    /// Topics with personal data: of their records only coordinates and a hash are kept, since
    /// dead letters are kept for ever.
    personal: Vec<String>,
    suspicion: Suspicion,
    producer: OnceCell<Producer>,
}

impl DeadLetters {
    pub(super) fn of(
        config: &Config,
        group: &Arc<str>,
        personal: Vec<String>,
        suspicion: Suspicion,
    ) -> Self {
        Self {
            config: config.clone(),
            group: Arc::clone(group),
            topic: Self::topic_of(group),
            personal,
            suspicion,
            producer: OnceCell::new(),
        }
    }

    /// Where a group's lie.
    pub(super) fn topic_of(group: &str) -> String {
        format!("{group}.dead-letters")
    }

    /// Returns once the record is acknowledged in the dead letters.
    pub(super) async fn put(
        &self,
        record: &InRecord,
        error: &str,
        attempts: u32,
    ) -> Result<(), Failure> {
        let away = |why: String| {
            Failure::unavailable(KAFKA, format_args!("dead letters `{}`: {why}", self.topic))
        };
        let producer = self
            .producer
            .get_or_try_init(|| async {
                let settings = ProducerSettings {
                    linger: Duration::ZERO,
                    delivery_timeout: Duration::from_secs(30),
                    most_records: 1_000,
                    most_kib: 16 * 1024,
                };
                Producer::new(&self.config, &self.group, settings, self.suspicion.clone())
            })
            .await
            .map_err(|e| away(e.to_string()))?;
        let whole = self.letter(record, error, attempts, Keep::All);
        match self.send(producer, &whole).await {
            Err(DeliveryError::NotWritten { too_large: true, .. }) => {
                let small = self.letter(record, error, attempts, Keep::Coordinates);
                self.send(producer, &small).await
            }
            sent => sent,
        }
        .map_err(|e| away(why(e)))
    }

    async fn send(&self, producer: &Producer, letter: &OutRecord) -> Result<(), DeliveryError> {
        match producer.send(letter).await?.await {
            Ok(delivered) => delivered.map(drop),
            Err(_) => {
                let why = "the producer was closed".into();
                Err(DeliveryError::Unknown { why, is_away: false })
            }
        }
    }

    fn letter(&self, record: &InRecord, error: &str, attempts: u32, keep: Keep) -> OutRecord {
        let at = record.at();
        let mut headers: Vec<(String, Vec<u8>)> = record
            .headers()
            .filter(|(name, _)| keep == Keep::All && !name.starts_with("dead-letter."))
            .map(|(name, value)| (name.to_owned(), value.to_vec()))
            .collect();
        let mut put = |name: &str, value: String| {
            headers.push((format!("dead-letter.{name}"), value.into_bytes()));
        };
        put("topic", at.partition.topic.to_string());
        put("partition", at.partition.partition.to_string());
        put("offset", at.offset.to_string());
        if let Some(timestamp) = record.timestamp() {
            put("timestamp", timestamp.to_rfc3339_opts(SecondsFormat::Millis, true));
        }
        put("group", self.group.to_string());
        let is_personal = self.personal.iter().any(|topic| **topic == *at.partition.topic);
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
            topic: self.topic.clone(),
            partition: Some(at.partition.partition),
            key: key.map(<[u8]>::to_vec),
            payload,
            headers,
            timestamp_ms: Utc::now().timestamp_millis(),
        }
    }
}

/// What of a record its dead letter keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    All,
    /// Where it lies and a hash: with our headers the whole would be larger than a topic takes.
    Coordinates,
}

fn why(error: DeliveryError) -> String {
    match error {
        DeliveryError::NotWritten { why, .. } | DeliveryError::Unknown { why, .. } => why,
    }
}
