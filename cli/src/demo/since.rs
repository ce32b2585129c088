//! What came on a topic since some moment. Keys alone are looked at.

use std::time::Duration;

use orderly_sdk::{
    Config,
    kafka::{KafkaError, Probe, Tail},
    record::TopicPartition,
};

use super::{DemoError, lags::kept_of};

/// Longest that the next record may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A topic, from where it ended at that moment.
pub(super) struct Since {
    config: Config,
    probe: Probe,
    topic: &'static str,
    starts: Vec<(TopicPartition, i64)>,
}

impl Since {
    pub(super) async fn now(config: &Config, topic: &'static str) -> Result<Self, KafkaError> {
        let (config, probe) = (config.clone(), Probe::new(config)?);
        let starts = ends(&probe, topic).await?;
        Ok(Self { config, probe, topic, starts })
    }

    /// Each record between there and where the topic ends now: its key, and whether it is a
    /// tombstone.
    pub(super) async fn each(&self, mut look: impl FnMut(String, bool)) -> Result<(), DemoError> {
        let mut unread = ends(&self.probe, self.topic).await?;
        unread.retain(|end| !self.starts.contains(end));
        let mut tail = Tail::from(&self.config, &self.starts)?;
        while !unread.is_empty() {
            let Ok(Some(record)) = tokio::time::timeout(PATIENCE, tail.next()).await else {
                let what = format!("`{}` can't be read to its end", self.topic);
                return Err(DemoError::Ended(what));
            };
            let record = record?;
            if let Some(key) = record.key() {
                look(String::from_utf8_lossy(key).into_owned(), record.payload().is_none());
            }
            let at = record.at();
            unread.retain(|(of, end)| *of != at.partition || at.offset + 1 < *end);
        }
        Ok(())
    }
}

/// The offset behind the last record of each partition.
async fn ends(probe: &Probe, topic: &str) -> Result<Vec<(TopicPartition, i64)>, KafkaError> {
    Ok(kept_of(probe, topic).await?.into_iter().map(|(at, kept)| (at, kept.end)).collect())
}
