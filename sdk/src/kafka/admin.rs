//! Administration: which topics there are and what they are like, and new ones.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    error::KafkaError as Native,
    types::RDKafkaErrorCode as Code,
};

use super::{
    KafkaError, Probe,
    client::{self, Logged},
    embedded::EMBEDDED_CLUSTER,
    names::Names,
};
use crate::{Config, topics::TopicSpec};

/// Least time that creating topics is given: the controller places every partition first.
const CREATING: Duration = Duration::from_secs(30);
/// A broker that refuses a client does so at once.
const EXPLAINING: Duration = Duration::from_secs(3);
/// Between two looks at whether new topics can be used.
const LOOK: Duration = Duration::from_millis(50);

/// Asks about topics and creates them. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    client: Arc<AdminClient<Logged>>,
    names: Names,
    config: Config,
    patience: Duration,
}

/// A topic as it is in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicState {
    /// Its number of partitions.
    pub partitions: i32,
    /// Copies of each, of the one with the fewest.
    pub replication: i32,
    /// Its properties, the broker's defaults included.
    pub properties: BTreeMap<String, String>,
}

/// A topic that couldn't be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("topic `{topic}` can't be created: {why}")]
pub struct NotCreated {
    /// Its name, without the prefix.
    pub topic: String,
    /// The broker's reason.
    pub why: String,
}

/// A topic as the cluster's metadata has it.
#[derive(Clone, Copy)]
struct Shape {
    partitions: i32,
    replication: i32,
    has_leaders: bool,
}

impl Admin {
    /// For the cluster that `config` names. Connects on the first question.
    pub fn new(config: &Config) -> Result<Self, KafkaError> {
        let client = client::finish(client::base(config, "orderly-admin"), config, &[])?;
        let client = client
            .create_with_context(Logged::default())
            .map_err(|e| KafkaError::failed("creating a client", &e))?;
        Ok(Self {
            client: Arc::new(client),
            names: Names::of(config),
            config: config.clone(),
            patience: config.connect_timeout,
        })
    }

    /// How many brokers there are.
    pub async fn brokers(&self) -> Result<i32, KafkaError> {
        Ok(self.cluster().await?.0)
    }

    /// Those of `topics` that exist, as they are.
    pub async fn describe(
        &self,
        topics: &[&str],
    ) -> Result<BTreeMap<String, TopicState>, KafkaError> {
        let (_, shapes) = self.cluster().await?;
        self.can_administer("asking for the topics' properties").await?;
        let there: Vec<_> = topics
            .iter()
            .filter_map(|topic| Some((*topic, *shapes.get(&*self.names.there(topic))?)))
            .collect();
        if there.is_empty() {
            return Ok(BTreeMap::new());
        }
        let names: Vec<_> = there.iter().map(|(topic, _)| self.names.there(topic)).collect();
        let asked: Vec<_> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let options = AdminOptions::new().request_timeout(Some(self.patience));
        let answers = self
            .client
            .describe_configs(&asked, &options)
            .await
            .map_err(|e| self.classify("asking for the topics' properties", &e))?;
        let mut described = BTreeMap::new();
        // Answered in the order of the question.
        for ((topic, Shape { partitions, replication, .. }), answer) in
            there.into_iter().zip(answers)
        {
            let resource = answer.map_err(|code| {
                let doing = format!("asking for the properties of topic `{topic}`");
                self.classify(&doing, &Native::AdminOp(code))
            })?;
            let properties = resource
                .entries
                .into_iter()
                .map(|entry| (entry.name, entry.value.unwrap_or_default()))
                .collect();
            described.insert(topic.to_owned(), TopicState { partitions, replication, properties });
        }
        Ok(described)
    }

    /// Whether the broker would create them; nothing is created. Each that it wouldn't is told.
    pub async fn would_create(&self, topics: &[TopicSpec]) -> Result<Vec<NotCreated>, KafkaError> {
        let told = self.request(topics, &AdminOptions::new().validate_only(true)).await?;
        Ok(told.into_iter().filter_map(Result::err).collect())
    }

    /// Creates each that isn't there yet, with its outcome: whether it was this call that created
    /// it. Returns when they can be used.
    pub async fn create(
        &self,
        topics: &[TopicSpec],
    ) -> Result<Vec<Result<bool, NotCreated>>, KafkaError> {
        let patience = self.patience.max(CREATING);
        let options = AdminOptions::new().operation_timeout(Some(patience));
        let created = self.request(topics, &options).await?;
        let is_there = |outcome: &Result<bool, _>| outcome.is_ok();
        let there = topics.iter().zip(&created).filter(|(_, outcome)| is_there(outcome));
        self.until_seen(there.map(|(topic, _)| topic.name.as_str()).collect()).await?;
        Ok(created)
    }

    async fn request(
        &self,
        topics: &[TopicSpec],
        options: &AdminOptions,
    ) -> Result<Vec<Result<bool, NotCreated>>, KafkaError> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        self.can_administer("creating topics").await?;
        let names: Vec<_> = topics.iter().map(|topic| self.names.there(&topic.name)).collect();
        let native: Vec<_> = topics
            .iter()
            .zip(&names)
            .map(|(topic, name)| {
                let copies = TopicReplication::Fixed(topic.replication);
                let properties = topic.properties.iter();
                properties
                    .fold(NewTopic::new(name, topic.partitions, copies), |new, (key, value)| {
                        new.set(key, value)
                    })
            })
            .collect();
        let answers = self
            .client
            .create_topics(&native, options)
            .await
            .map_err(|e| self.classify("creating topics", &e))?;
        Ok(topics
            .iter()
            .zip(answers)
            .map(|(topic, answer)| match answer {
                Ok(_) => Ok(true),
                // Somebody else was quicker, or it is hidden from us.
                Err((_, Code::TopicAlreadyExists)) => Ok(false),
                Err((_, code)) => {
                    Err(NotCreated { topic: topic.name.clone(), why: code.to_string() })
                }
            })
            .collect())
    }

    /// A created topic is known to the controller first, then to each broker.
    async fn until_seen(&self, topics: Vec<&str>) -> Result<(), KafkaError> {
        let deadline = Instant::now() + self.patience.max(CREATING);
        loop {
            let (_, shapes) = self.cluster().await?;
            let is_usable = |topic: &str| {
                shapes.get(&*self.names.there(topic)).is_some_and(|shape| shape.has_leaders)
            };
            let Some(missing) = topics.iter().find(|topic| !is_usable(topic)) else {
                return Ok(());
            };
            if Instant::now() >= deadline {
                return Err(KafkaError::NoSuchTopic(self.names.there(missing).into_owned()));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The number of brokers, and every topic.
    async fn cluster(&self) -> Result<(i32, BTreeMap<String, Shape>), KafkaError> {
        let (client, patience) = (Arc::clone(&self.client), self.patience);
        // All topics: asked for by name, a topic that is missing might be created by the asking.
        let asked =
            tokio::task::spawn_blocking(move || client.inner().fetch_metadata(None, patience));
        let asked = asked.await.map_err(|panic| KafkaError::Failed {
            doing: "asking the cluster".into(),
            why: panic.to_string(),
        })?;
        let metadata = match asked {
            Ok(metadata) => metadata,
            Err(error) => return Err(self.explain(&error).await),
        };
        let shapes = metadata
            .topics()
            .iter()
            .filter(|topic| !topic.partitions().is_empty())
            .map(|topic| {
                let partitions = topic.partitions();
                let copies = partitions.iter().map(|p| p.replicas().len()).min();
                let shape = Shape {
                    partitions: count(partitions.len()),
                    replication: count(copies.unwrap_or_default()),
                    has_leaders: partitions.iter().all(|p| p.leader() >= 0),
                };
                (topic.name().to_owned(), shape)
            })
            .collect();
        Ok((count(metadata.brokers().len()), shapes))
    }

    /// The embedded broker doesn't even refuse: it lets such questions wait for ever. It is known by
    /// the name of its cluster.
    async fn can_administer(&self, doing: &str) -> Result<(), KafkaError> {
        let (client, patience) = (Arc::clone(&self.client), self.patience);
        let asked = tokio::task::spawn_blocking(move || client.inner().fetch_cluster_id(patience));
        match asked.await {
            Ok(Some(name)) if name.starts_with(EMBEDDED_CLUSTER) => {
                Err(KafkaError::Unsupported { doing: doing.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// An administrator's client isn't told why no broker answers it; a probe is.
    async fn explain(&self, error: &Native) -> KafkaError {
        let plain = self.classify("asking the cluster", error);
        let is_secured = self.config.properties.iter().any(|(name, _)| name == "security.protocol");
        if !is_secured || !matches!(plain, KafkaError::Unreachable { .. }) {
            return plain;
        }
        let mut config = self.config.clone();
        config.connect_timeout = self.patience.min(EXPLAINING);
        let Ok(probe) = Probe::new(&config) else { return plain };
        match probe.answers().await {
            Err(why @ (KafkaError::Refused { .. } | KafkaError::NoToken(_))) => why,
            _ => plain,
        }
    }

    fn classify(&self, doing: &str, error: &Native) -> KafkaError {
        KafkaError::asked(&self.config.bootstrap, self.patience, doing, error)
    }
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
