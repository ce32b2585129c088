//! The consumer groups, what they read of the orders' topics, and how far behind they are.

use std::{
    collections::BTreeMap,
    ops::Range,
    time::{Duration, Instant},
};

use orderly_schemas::{order_status, orders};
use orderly_sdk::{
    Config,
    kafka::{GroupLag, KafkaError, Probe},
    record::TopicPartition,
};

use super::{DemoError, Site};

/// A group, and which of the orders' topics it reads.
type Reads = (&'static str, &'static [&'static str]);

/// The groups that every order needs.
const GROUPS: [Reads; 3] = [
    ("fulfilment", &[orders::TOPIC]),
    ("history", &[orders::TOPIC, order_status::TOPIC]),
    ("notifications", &[order_status::TOPIC]),
];
/// Orders come to their end without it.
const USERS: Reads = ("users", &[orders::TOPIC]);
/// What moves at all moves within this, also where a killed member holds its partitions until its
/// session is over.
pub(super) const STALLED: Duration = Duration::from_secs(60);
/// Between two looks at whether anything moves.
const LOOK: Duration = Duration::from_millis(250);

/// Asks how far each group is. Cheap to clone.
#[derive(Clone)]
pub struct Lags {
    probe: Probe,
    groups: Vec<Group>,
}

#[derive(Clone)]
struct Group {
    name: &'static str,
    topics: &'static [&'static str],
    probe: Probe,
}

impl Group {
    fn of(config: &Config, (name, topics): Reads) -> Result<Self, KafkaError> {
        Ok(Self { name, topics, probe: Probe::of_group(config, name)? })
    }
}

impl Lags {
    /// Of the groups that every order needs, in the cluster that `config` names.
    pub fn of(config: &Config) -> Result<Self, KafkaError> {
        let mut groups = Vec::new();
        for reads in GROUPS {
            groups.push(Group::of(config, reads)?);
        }
        Ok(Self { probe: Probe::new(config)?, groups })
    }

    /// Of every group that runs there.
    pub(super) fn of_site(site: &Site) -> Result<Self, KafkaError> {
        let mut lags = Self::of(&site.config)?;
        if site.keepers.is_some() {
            lags.groups.push(Group::of(&site.config, USERS)?);
        }
        Ok(lags)
    }

    /// Records that each group has yet to do.
    pub async fn now(&self) -> Result<BTreeMap<&'static str, i64>, KafkaError> {
        let mut lags = BTreeMap::new();
        for Group { name, topics, probe } in &self.groups {
            lags.insert(*name, probe.lag(topics).await?.iter().map(GroupLag::records).sum());
        }
        Ok(lags)
    }

    /// Once nobody is behind any more, or what is left when nothing moves.
    pub(super) async fn drained(&self) -> Result<BTreeMap<&'static str, i64>, KafkaError> {
        let (mut known, mut moved) = (self.now().await?, Instant::now());
        while known.values().any(|lag| *lag > 0) && moved.elapsed() < STALLED {
            tokio::time::sleep(LOOK).await;
            let lags = self.now().await?;
            if lags != known {
                (known, moved) = (lags, Instant::now());
            }
        }
        Ok(known)
    }

    /// From the oldest record kept to behind the newest one, for each partition of the orders'
    /// topics.
    pub(super) async fn kept(&self) -> Result<Vec<(TopicPartition, Range<i64>)>, KafkaError> {
        let mut kept = Vec::new();
        for topic in [orders::TOPIC, order_status::TOPIC] {
            kept.extend(kept_of(&self.probe, topic).await?);
        }
        Ok(kept)
    }

    /// The offset behind the last record of each partition.
    pub(super) async fn ends(&self) -> Result<Vec<(TopicPartition, i64)>, KafkaError> {
        Ok(self.kept().await?.into_iter().map(|(at, kept)| (at, kept.end)).collect())
    }

    /// Every group committed up to these ends.
    pub(super) async fn are_done(
        &self,
        ends: &[(TopicPartition, i64)],
    ) -> Result<bool, KafkaError> {
        for Group { topics, probe, .. } in &self.groups {
            for lag in probe.lag(topics).await? {
                let end = ends.iter().find(|(at, _)| *at == lag.partition).map(|(_, end)| *end);
                if end.is_some_and(|end| end > lag.committed.unwrap_or(0)) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// From the oldest record kept to behind the newest one, for each partition of a topic.
pub(super) async fn kept_of(
    probe: &Probe,
    topic: &str,
) -> Result<Vec<(TopicPartition, Range<i64>)>, KafkaError> {
    let mut kept = Vec::new();
    for partition in 0..probe.partitions(topic).await? {
        let at = TopicPartition { topic: topic.into(), partition };
        let (oldest, end) = probe.ends(&at).await?;
        kept.push((at, oldest..end));
    }
    Ok(kept)
}

/// Until it is so many, looked at every so often; gives up with `why` when nothing moves any more.
pub(super) async fn until_all<F: Future<Output = Result<u64, DemoError>>>(
    all: u64,
    look: Duration,
    ask: impl Fn() -> F,
    why: impl Fn(u64) -> String,
) -> Result<u64, DemoError> {
    let (mut known, mut moved) = (0, Instant::now());
    loop {
        let count = ask().await?;
        if count >= all {
            return Ok(count);
        }
        if count > known {
            (known, moved) = (count, Instant::now());
        } else if moved.elapsed() > STALLED {
            return Err(DemoError::Ended(why(count)));
        }
        tokio::time::sleep(look).await;
    }
}
