//! Asking the cluster: does a topic exist, where does it end, how far behind is a group.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError as Native, RDKafkaErrorCode},
};

use super::{
    KafkaError,
    bootstrap::Bootstrap,
    client::{self, Logged},
    embedded::EMBEDDED_CLUSTER,
    errors, ffi,
    names::Names,
};
use crate::{Config, record::TopicPartition};

/// How long what is already known is listened to: before a question, and after one in vain.
const GLANCE: Duration = Duration::from_millis(1);
const LISTENING: Duration = Duration::from_millis(100);
/// How long a topic is looked for that nobody knows.
const MISSING: Duration = Duration::from_secs(1);
/// Between two looks at whether a topic is there, or a leader knows that it is one.
const LOOK: Duration = Duration::from_millis(50);

/// Asks, without joining any group. Cheap to clone.
#[derive(Clone)]
pub struct Probe {
    client: Arc<BaseConsumer<Logged>>,
    known: Arc<Bootstrap>,
    names: Names,
    config: Config,
}

/// How far a group is behind in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLag {
    /// The partition.
    pub partition: TopicPartition,
    /// Next offset the group will read; `None` where it never committed.
    pub committed: Option<i64>,
    /// Offset of the oldest record kept.
    pub start: i64,
    /// Offset behind the newest record.
    pub end: i64,
}

impl GroupLag {
    /// Records that the group has yet to do.
    pub fn records(&self) -> i64 {
        (self.end - self.committed.unwrap_or(self.start).max(self.start)).max(0)
    }
}

impl Probe {
    /// A probe of the cluster that `config` names. Connects on the first question.
    pub fn new(config: &Config) -> Result<Self, KafkaError> {
        let client = client::finish(client::base(config, "orderly-probe"), config, &[])?;
        Self::by(&client, config)
    }

    /// The number of partitions of a topic that must be there. Where it isn't, it is looked for a little
    /// longer: a broker that has just been restarted may not know of it yet.
    pub async fn partitions(&self, topic: &str) -> Result<i32, KafkaError> {
        let name = self.names.there(topic).into_owned();
        self.ask(move |client, patience| {
            let deadline = Instant::now() + MISSING;
            loop {
                match partitions(client, &name, patience).map_err(Answer::Native)? {
                    Some(partitions) => return Ok(partitions),
                    None if Instant::now() < deadline => std::thread::sleep(LOOK),
                    None => return Err(Answer::NoSuchTopic(name)),
                }
            }
        })
        .await
    }

    /// Id of the broker that leads a partition; `None` while none does.
    pub async fn leader(&self, at: &TopicPartition) -> Result<Option<i32>, KafkaError> {
        let (name, number) = (self.names.there(&at.topic).into_owned(), at.partition);
        self.ask(move |client, patience| {
            match leader(client, &name, number, patience).map_err(Answer::Native)? {
                Some(leader) => Ok(Some(leader).filter(|id| *id >= 0)),
                None => Err(Answer::NoSuchTopic(name)),
            }
        })
        .await
    }

    /// Returns when a broker has answered.
    pub(super) async fn answers(&self) -> Result<(), KafkaError> {
        self.ask(|client, patience| {
            client.fetch_metadata(None, patience).map(drop).map_err(Answer::Native)
        })
        .await
    }

    /// The cluster's id, and the prefix where there is one: a position under one prefix means
    /// nothing under another.
    pub async fn cluster_id(&self) -> Result<String, KafkaError> {
        let prefix = self.config.prefix.clone();
        self.ask(move |client, patience| {
            let id = cluster(client, None, patience).map_err(Answer::Native)?;
            Ok(if prefix.is_empty() { id } else { format!("{id}/{prefix}") })
        })
        .await
    }

    /// The id that the cluster gave a topic when it was made: under the same name, another id is
    /// another topic. `None` where the cluster gives none, as an embedded broker.
    pub async fn topic_id(&self, topic: &str) -> Result<Option<String>, KafkaError> {
        let name = self.names.there(topic).into_owned();
        self.ask(move |client, patience| {
            let here = cluster(client, Some(&name), patience).map_err(Answer::Native)?;
            // It would let the question wait for ever.
            if here.starts_with(EMBEDDED_CLUSTER) {
                return Ok(None);
            }
            match ffi::topic_id(client.client(), &name, patience) {
                Ok(id) => Ok(id),
                Err(
                    RDKafkaErrorCode::UnsupportedFeature | RDKafkaErrorCode::UnsupportedVersion,
                ) => Ok(None),
                Err(RDKafkaErrorCode::UnknownTopicOrPartition) => Err(Answer::NoSuchTopic(name)),
                Err(code) => Err(Answer::Native(Native::MetadataFetch(code))),
            }
        })
        .await
    }

    /// Offset of the oldest record kept and offset behind the newest one.
    pub async fn ends(&self, at: &TopicPartition) -> Result<(i64, i64), KafkaError> {
        let (topic, partition) = (self.names.there(&at.topic).into_owned(), at.partition);
        self.ask(move |client, patience| {
            watermarks(client, &topic, partition, patience).map_err(Answer::Native)
        })
        .await
    }

    /// The offset up to which there is something to read; 0 where there is nothing.
    pub async fn end_to_read(&self, at: &TopicPartition) -> Result<i64, KafkaError> {
        let (start, end) = self.ends(at).await?;
        Ok(if start < end { end } else { 0 })
    }

    /// The same cluster, asked about one group. Joins nothing.
    pub fn of_group(config: &Config, group: &str) -> Result<Self, KafkaError> {
        let mut client = client::base(config, "orderly-probe");
        client.set("group.id", Names::of(config).there(group));
        Self::by(&client::finish(client, config, &[])?, config)
    }

    /// How far the group that this probe is [`of`](Probe::of_group) is behind in every partition of
    /// `topics`.
    pub async fn lag(&self, topics: &[&str]) -> Result<Vec<GroupLag>, KafkaError> {
        let mut partitions = Vec::new();
        for topic in topics {
            let name: Arc<str> = (*topic).into();
            for partition in 0..self.partitions(topic).await? {
                partitions.push(TopicPartition { topic: Arc::clone(&name), partition });
            }
        }
        let names = self.names.clone();
        self.ask(move |client, patience| {
            let mut asked = TopicPartitionList::new();
            for at in &partitions {
                asked.add_partition(&names.there(&at.topic), at.partition);
            }
            let committed = client.committed_offsets(asked, patience).map_err(Answer::Native)?;
            let mut lags = Vec::with_capacity(partitions.len());
            for partition in partitions {
                let topic = names.there(&partition.topic);
                let (start, end) = watermarks(client, &topic, partition.partition, patience)
                    .map_err(Answer::Native)?;
                let committed = committed
                    .find_partition(&topic, partition.partition)
                    .and_then(|element| element.offset().to_raw())
                    .filter(|offset| *offset >= 0);
                lags.push(GroupLag { partition, committed, start, end });
            }
            Ok(lags)
        })
        .await
    }

    fn by(client: &ClientConfig, config: &Config) -> Result<Self, KafkaError> {
        let known = Arc::new(Bootstrap::of(client));
        let client = Arc::new(create(client)?);
        Ok(Self { client, known, names: Names::of(config), config: config.clone() })
    }

    /// Runs a blocking question off the runtime.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&BaseConsumer<Logged>, Duration) -> Result<T, Answer> + Send + 'static,
    ) -> Result<T, KafkaError> {
        let (client, patience) = (Arc::clone(&self.client), self.config.connect_timeout);
        let known = Arc::clone(&self.known);
        let asked = tokio::task::spawn_blocking(move || {
            // Of earlier questions.
            drop(Logged::refusal(&client, GLANCE));
            let answer = question(&client, patience);
            if answer.is_err() {
                // Of partitions it says then that they are unknown.
                known.look(client.client());
            }
            match answer {
                Ok(answer) => {
                    client.context().answered();
                    Ok(answer)
                }
                Err(Answer::Native(error)) if errors::is_away(&error) => {
                    let refusal = Logged::refusal(&client, LISTENING).map(Answer::Refused);
                    let no_token = || client.context().no_token().map(Answer::NoToken);
                    Err(refusal.or_else(no_token).unwrap_or(Answer::Native(error)))
                }
                Err(other) => Err(other),
            }
        });
        match asked.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Answer::NoSuchTopic(name))) => Err(KafkaError::NoSuchTopic(name)),
            Ok(Err(Answer::Native(error))) => Err(self.classify(&error)),
            Ok(Err(Answer::Refused(why))) => {
                Err(KafkaError::Refused { bootstrap: self.config.bootstrap.clone(), why })
            }
            Ok(Err(Answer::NoToken(why))) => Err(KafkaError::no_token(why)),
            Err(panic) => Err(KafkaError::Failed {
                doing: "asking the cluster".into(),
                why: panic.to_string(),
            }),
        }
    }

    fn classify(&self, error: &Native) -> KafkaError {
        let (bootstrap, patience) = (&self.config.bootstrap, self.config.connect_timeout);
        KafkaError::asked(bootstrap, patience, "asking the cluster", error)
    }
}

fn create(client: &ClientConfig) -> Result<BaseConsumer<Logged>, KafkaError> {
    client
        .create_with_context(Logged::default())
        .map_err(|e| KafkaError::failed("creating a client", &e))
}

/// How many partitions a topic has; `None`: it isn't there.
fn partitions(
    client: &BaseConsumer<Logged>,
    name: &str,
    patience: Duration,
) -> Result<Option<i32>, Native> {
    let metadata = client.fetch_metadata(Some(name), patience)?;
    let Some(found) = metadata.topics().iter().find(|topic| topic.name() == name) else {
        return Ok(None);
    };
    match found.error().map(RDKafkaErrorCode::from) {
        None if !found.partitions().is_empty() => {
            Ok(Some(i32::try_from(found.partitions().len()).unwrap_or(i32::MAX)))
        }
        None | Some(RDKafkaErrorCode::UnknownTopicOrPartition) => Ok(None),
        Some(other) => Err(Native::MetadataFetch(other)),
    }
}

/// The cluster's id. Asked for with metadata, of one topic or of all, else it would wait for metadata
/// to come by itself.
fn cluster(
    client: &BaseConsumer<Logged>,
    topic: Option<&str>,
    patience: Duration,
) -> Result<String, Native> {
    client.fetch_metadata(topic, patience)?;
    Ok(client.client().fetch_cluster_id(patience).unwrap_or_default())
}

/// Where a partition begins and ends. A new one has a leader before that broker knows of it.
fn watermarks(
    client: &BaseConsumer<Logged>,
    topic: &str,
    partition: i32,
    patience: Duration,
) -> Result<(i64, i64), Native> {
    let deadline = Instant::now() + patience;
    loop {
        match client.fetch_watermarks(topic, partition, patience) {
            Err(error) if errors::is_between_leaders(&error) && Instant::now() < deadline => {
                std::thread::sleep(LOOK);
            }
            Err(error) if errors::is_unknown_partition(&error) => {
                match leader(client, topic, partition, patience)? {
                    // It has one since.
                    Some(0..) if Instant::now() < deadline => std::thread::sleep(LOOK),
                    Some(_) => {
                        return Err(Native::MetadataFetch(RDKafkaErrorCode::LeaderNotAvailable));
                    }
                    None => return Err(error),
                }
            }
            answer => return answer,
        }
    }
}

/// Who leads a partition: -1 for nobody, `None` where the topic has no such partition. Of one that
/// nobody leads, as while its leader is down and nobody else has its records, the library says the
/// same as of one that there is not.
fn leader(
    client: &BaseConsumer<Logged>,
    topic: &str,
    partition: i32,
    patience: Duration,
) -> Result<Option<i32>, Native> {
    let metadata = client.fetch_metadata(Some(topic), patience)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let listed = found.and_then(|topic| topic.partitions().iter().find(|p| p.id() == partition));
    Ok(listed.map(|partition| partition.leader()))
}

enum Answer {
    Native(Native),
    NoSuchTopic(String),
    Refused(String),
    NoToken(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        consume::{Decision, Failure},
        kafka::{EmbeddedBroker, KAFKA},
    };

    #[tokio::test]
    async fn a_partition_that_nobody_leads_is_away_and_one_that_there_is_not_is_unknown() {
        let broker = EmbeddedBroker::start([("orders", 1)]).unwrap();
        let probe = Probe::new(&broker.config("http://none")).unwrap();
        let at = |partition| TopicPartition { topic: "orders".into(), partition };
        assert_eq!(probe.ends(&at(0)).await.unwrap(), (0, 0));
        broker.cluster().unwrap().partition_leader("orders", 0, None).unwrap();

        let leaderless = probe.ends(&at(0)).await.unwrap_err();
        assert_eq!(Failure::from(leaderless).decision(), &Decision::Unavailable(KAFKA));
        let unknown = probe.ends(&at(1)).await.unwrap_err();
        assert_eq!(Failure::from(unknown).decision(), &Decision::Retry);

        broker.cluster().unwrap().partition_leader("orders", 0, Some(1)).unwrap();
        assert_eq!(probe.ends(&at(0)).await.unwrap(), (0, 0));
    }

    #[tokio::test]
    async fn an_embedded_broker_gives_topics_no_ids() {
        let broker = EmbeddedBroker::start([("orders", 1)]).unwrap();
        let probe = Probe::new(&broker.config("http://none")).unwrap();
        assert_eq!(probe.topic_id("orders").await.unwrap(), None);
    }
}
