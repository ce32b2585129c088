//! Whose contact was deleted since the run began: the address is then deleted from the order's mails,
//! too. Keys alone are looked at, and no address is kept.

use std::{collections::HashSet, time::Duration};

use orderly_schemas::contacts::TOPIC;
use orderly_sdk::{
    Config,
    kafka::{KafkaError, Probe, Tail},
    record::TopicPartition,
};

use super::{DemoError, lags::kept_of};

/// Longest that the next record may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The topic `contacts`, from where it ended when the run began.
pub(super) struct Contacts {
    config: Config,
    probe: Probe,
    starts: Vec<(TopicPartition, i64)>,
}

impl Contacts {
    pub(super) async fn from_now(config: &Config) -> Result<Self, KafkaError> {
        let (config, probe) = (config.clone(), Probe::new(config)?);
        let starts = ends(&probe).await?;
        Ok(Self { config, probe, starts })
    }

    /// Ids of the orders with a tombstone between there and where the topic ends now.
    pub(super) async fn deleted(&self) -> Result<HashSet<String>, DemoError> {
        let mut unread = ends(&self.probe).await?;
        unread.retain(|end| !self.starts.contains(end));
        let mut tail = Tail::from(&self.config, &self.starts)?;
        let mut deleted = HashSet::new();
        while !unread.is_empty() {
            let Ok(Some(record)) = tokio::time::timeout(PATIENCE, tail.next()).await else {
                return Err(DemoError::Ended(format!("`{TOPIC}` can't be read to its end")));
            };
            let record = record?;
            if record.payload().is_none() {
                deleted.extend(record.key().map(|key| String::from_utf8_lossy(key).into_owned()));
            }
            let at = record.at();
            unread.retain(|(of, end)| *of != at.partition || at.offset + 1 < *end);
        }
        Ok(deleted)
    }
}

/// The offset behind the last record of each partition.
async fn ends(probe: &Probe) -> Result<Vec<(TopicPartition, i64)>, KafkaError> {
    Ok(kept_of(probe, TOPIC).await?.into_iter().map(|(at, kept)| (at, kept.end)).collect())
}
