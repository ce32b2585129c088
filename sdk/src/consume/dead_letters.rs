//! A group's dead letters and parked keys, for who operates it: listed, and asked to be redriven.
//! Reads by plain assignment, beside the group.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use orderly_core::{Ledger, Mark, Marks, ParkedKey, Whose};

use super::{letters, letters::Letters, marks};
use crate::{
    Config, Health,
    kafka::{KafkaError, Probe, Producer, ProducerSettings, Read, Reader, Watch},
    record::{Coordinates, InRecord, TopicPartition},
};

/// A key that a group has parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The partition whose records of that key follow it.
    pub at: TopicPartition,
    /// The key.
    pub key: Vec<u8>,
    /// Offset there of the first record that hasn't been done since.
    pub next: i64,
    /// Redrives that failed.
    pub laps: u32,
    /// Whether its dead letters are being done now.
    pub is_redriving: bool,
    /// Why it is parked, or why its last redrive failed.
    pub error: String,
}

/// A dead letter.
pub struct DeadLetter {
    /// Where it lies among the group's dead letters.
    pub at: Coordinates,
    /// The record it is of.
    pub source: Coordinates,
    /// Why it is there.
    pub error: String,
    /// Runs of the handler; 0 where it only follows its parked key.
    pub attempts: u32,
    /// Whether a redrive of its key brings it back; otherwise it was passed over.
    pub is_parked: bool,
    /// Whether a redrive has done it since.
    pub is_done: bool,
    /// The letter itself: original key, value and headers.
    pub record: InRecord,
}

/// Records of a partition that a group passed over into its dead letters, and that aren't done yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// Where they lie.
    pub at: TopicPartition,
    /// How many.
    pub letters: u64,
    /// Whether they are being done now.
    pub is_redriving: bool,
}

/// Longest that a request may take until it is acknowledged.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every key that a group has parked, by partition and key.
pub async fn parked_keys(config: &Config, group: &str) -> Result<Vec<Parked>, KafkaError> {
    let keys = all_marks(config, group).await?.into_iter().flat_map(|(at, marks)| {
        marks.parked.into_iter().map(move |(key, state)| {
            let ParkedKey { next, laps, is_redriving, error, .. } = state;
            Parked { at: at.clone(), key: key.to_vec(), next, laps, is_redriving, error }
        })
    });
    Ok(keys.collect())
}

/// What a group passed over and hasn't done since, by partition.
pub async fn passed_over(config: &Config, group: &str) -> Result<Vec<PassedOver>, KafkaError> {
    let marks = all_marks(config, group).await?;
    let mut letters: BTreeMap<TopicPartition, u64> = BTreeMap::new();
    read_letters(config, group, &marks, |letter| {
        if !letter.is_parked && !letter.is_done {
            *letters.entry(letter.source.partition).or_default() += 1;
        }
    })
    .await?;
    let all = letters.into_iter().map(|(at, letters)| {
        let is_redriving = marks.get(&at).is_some_and(|marks| marks.passed_over.until > 0);
        PassedOver { at, letters, is_redriving }
    });
    Ok(all.collect())
}

async fn all_marks(
    config: &Config,
    group: &str,
) -> Result<BTreeMap<TopicPartition, Marks>, KafkaError> {
    let mut all: BTreeMap<TopicPartition, Marks> = BTreeMap::new();
    read_all(config, &marks::topic_of(group), |record| {
        let Some((topic, mark)) = marks::from_record(&record) else { return };
        let partition = record.at().partition.partition;
        let at = TopicPartition { topic: topic.into(), partition };
        all.entry(at).or_default().read(mark);
    })
    .await?;
    Ok(all)
}

/// Shows every dead letter of a group to `each`, each partition's in order.
pub async fn dead_letters(
    config: &Config,
    group: &str,
    each: impl FnMut(DeadLetter),
) -> Result<(), KafkaError> {
    let marks = all_marks(config, group).await?;
    read_letters(config, group, &marks, each).await
}

async fn read_letters(
    config: &Config,
    group: &str,
    marks: &BTreeMap<TopicPartition, Marks>,
    mut each: impl FnMut(DeadLetter),
) -> Result<(), KafkaError> {
    let passed = |marks: &Marks| Ledger::restored(&marks.passed_over.position);
    let passed: BTreeMap<_, _> = marks.iter().map(|(at, marks)| (at, passed(marks))).collect();
    read_all(config, &Letters::topic_of(group), |record| {
        let Some(mut letter) = letters::read(record) else { return };
        let (at, key) = (&letter.source.partition, letter.record.key());
        letter.is_done = if letter.is_parked {
            // One whose key was too long to be kept isn't found again.
            key.is_some_and(|key| {
                let parked = marks.get(at).and_then(|marks| marks.parked.get(key));
                parked.is_none_or(|parked| letter.source.offset < parked.next)
            })
        } else {
            passed.get(at).is_some_and(|passed| passed.is_done(letter.at.offset))
        };
        each(letter);
    })
    .await
}

/// Asks the owner of a parked key's partition to redrive it. Returns once the request is
/// acknowledged; [`parked_keys`] shows how it goes, and no longer shows the key when it is through.
pub async fn request_redrive(
    config: &Config,
    group: &str,
    parked: &Parked,
) -> Result<(), KafkaError> {
    request(config, group, &parked.at, Whose::Key(parked.key.as_slice().into())).await
}

/// Asks the owner of a partition to do what was passed over of it: without any order, whenever nothing
/// of a record's key is in progress; what fails again stays for the next time. Returns once the
/// request is acknowledged; [`passed_over`] shows how it goes.
pub async fn request_passed_over(
    config: &Config,
    group: &str,
    at: &TopicPartition,
) -> Result<(), KafkaError> {
    request(config, group, at, Whose::PassedOver).await
}

async fn request(
    config: &Config,
    group: &str,
    at: &TopicPartition,
    whose: Whose,
) -> Result<(), KafkaError> {
    let settings = ProducerSettings {
        linger: Duration::ZERO,
        delivery_timeout: PATIENCE,
        most_records: 10,
        most_kib: 1_024,
    };
    let watch = Watch::start(config, &Health::default());
    let producer = Producer::new(config, "orderly-dlq", settings, watch.suspicion().clone())?;
    let mark = marks::to_record(group, at, &Mark::Redrive(whose));
    producer.deliver(&mark).await.map(drop).map_err(|error| KafkaError::Failed {
        doing: format!("asking for a redrive on `{}`", mark.topic),
        why: error.why(),
    })
}

/// Everything that a topic holds now.
async fn read_all(
    config: &Config,
    topic: &str,
    mut each: impl FnMut(InRecord),
) -> Result<(), KafkaError> {
    let partitions = Probe::new(config)?.partitions(topic).await?;
    let mut reader = Reader::of(config, topic)?;
    (0..partitions).for_each(|partition| reader.read(partition, None));
    let mut ended = BTreeSet::new();
    while ended.len() < usize::try_from(partitions).unwrap_or(0) {
        match reader.next().await {
            Some(Ok(Read::Record(record))) => each(record),
            Some(Ok(Read::End(partition, _))) => {
                ended.insert(partition);
            }
            Some(Err(error)) => return Err(error),
            None => break,
        }
    }
    Ok(())
}
