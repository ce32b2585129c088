//! Whether the embedded broker has room for more orders.
//!
//! It keeps so much of each partition and drops the oldest silently. So no order is taken while a
//! group is behind by a good part of that: what isn't taken can't be lost.

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

use orderly_sdk::{
    Config,
    kafka::{KafkaError, Kept, Probe, Tail},
    topics::Topics,
};
use tokio_util::sync::CancellationToken;

/// Between two looks at the groups' lag.
const PERIOD: Duration = Duration::from_millis(250);
/// Part of what the broker keeps that a group may be behind: one in this.
const PART: u64 = 3;
/// Taken as a record's size until some were seen: a generous one.
const FIRST_GUESS: u64 = 1_024;

#[derive(Clone)]
pub(super) struct BrokerRoom(Arc<RwLock<Option<String>>>);

impl BrokerRoom {
    /// Watches every group of `topics` until `shutdown`.
    pub(super) fn watch(
        config: &Config,
        topics: &Topics,
        shutdown: CancellationToken,
    ) -> Result<Self, KafkaError> {
        let room = Self(Arc::default());
        let mut groups = Vec::new();
        for group in topics.groups() {
            let read: Vec<String> = topics
                .iter()
                .filter(|topic| topic.readers.iter().any(|reader| reader == group))
                .map(|topic| topic.name.clone())
                .collect();
            groups.push((group.to_owned(), read, Probe::of_group(config, group)?));
        }
        let (watching, config) = (room.clone(), config.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = watching.look(&config, &groups) => {}
            }
        });
        Ok(room)
    }

    /// An error says which group is behind.
    pub(super) fn is_there(&self) -> Result<(), String> {
        match self.0.read().ok().and_then(|full| full.clone()) {
            Some(why) => Err(why),
            None => Ok(()),
        }
    }

    async fn look(&self, config: &Config, groups: &[(String, Vec<String>, Probe)]) {
        let sizes = Arc::new(Sizes::default());
        let measuring = tokio::spawn(Arc::clone(&sizes).measure(config.clone(), topics_of(groups)));
        let _ends_with_this = AbortOnDrop(measuring);
        loop {
            let mut full = None;
            for (group, topics, probe) in groups {
                let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
                match probe.lag(&topics).await {
                    Ok(lags) => {
                        let most = Kept::RECORDS.min(Kept::BYTES / sizes.mean()) / PART;
                        let worst = lags.iter().max_by_key(|lag| lag.records());
                        if let Some(worst) =
                            worst.filter(|lag| lag.records().cast_unsigned() > most)
                        {
                            full = Some(format!(
                                "group {group} is {} records behind in {}, and the embedded broker \
                                 keeps few; try again when it has caught up",
                                worst.records(),
                                worst.partition
                            ));
                        }
                    }
                    Err(error) => tracing::warn!(%error, %group, "lag isn't known"),
                }
            }
            if let Ok(mut known) = self.0.write() {
                *known = full;
            }
            tokio::time::sleep(PERIOD).await;
        }
    }
}

fn topics_of(groups: &[(String, Vec<String>, Probe)]) -> Vec<String> {
    let mut topics: Vec<String> = groups.iter().flat_map(|(_, read, _)| read.clone()).collect();
    topics.sort();
    topics.dedup();
    topics
}

/// The mean size of the records so far, as they were before compression.
#[derive(Default)]
struct Sizes(RwLock<(u64, u64)>);

impl Sizes {
    fn mean(&self) -> u64 {
        match self.0.read().map(|known| *known) {
            Ok((records, bytes)) if records > 0 => (bytes / records).max(1),
            _ => FIRST_GUESS,
        }
    }

    async fn measure(self: Arc<Self>, config: Config, topics: Vec<String>) {
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let Ok(mut tail) = Tail::from_start(&config, &topics).await else { return };
        while let Some(Ok(record)) = tail.next().await {
            if let Ok(mut known) = self.0.write() {
                known.0 += 1;
                known.1 += record.size() as u64;
            }
        }
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
