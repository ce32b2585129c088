//! The broker of a benchmark, its registry, and topics on it.

use std::{collections::BTreeMap, fmt::Display, sync::Arc};

use orderly_harness::{Kafka, Way};
use orderly_sdk::{
    Config,
    codec::{Declared, Encoders, Registry},
    kafka::{Admin, Probe},
    record::TopicPartition,
    topics::TopicSpec,
};
use orderly_testkit::EmbeddedRegistry;

use crate::{
    Error,
    args::Args,
    event::{Measured, TOPIC},
    report::Report,
};

/// One broker that nobody else uses. The registry is embedded: it is asked at start only.
pub(crate) struct Broker {
    kafka: Kafka,
    registry: EmbeddedRegistry,
    properties: Vec<(String, String)>,
}

impl Broker {
    pub(crate) async fn start(args: &Args, report: &mut Report) -> Result<Self, Error> {
        eprintln!("starting a broker");
        let kafka = Kafka::start(1).await.map_err(|why| format!("no broker: {why}"))?;
        let registry = EmbeddedRegistry::start([]).await?;
        let way = match kafka.way() {
            Way::Docker => "in a container",
            Way::Process => "as a process, 512 MiB of heap",
        };
        report.under("broker", format!("Apache Kafka 4.3.1, one, on this machine, {way}"));
        for (name, value) in &args.properties {
            report.under(&format!("-X {name}"), value.as_str());
        }
        Ok(Self { kafka, registry, properties: args.properties.clone() })
    }

    pub(crate) fn bootstrap(&self) -> &str {
        self.kafka.bootstrap()
    }

    /// For names that begin with `prefix` and a dot: each set of records has its own.
    pub(crate) fn config(&self, prefix: &str) -> Config {
        let mut config = Config::new(self.bootstrap(), self.registry.url());
        config.properties.clone_from(&self.properties);
        config.with_prefix(format!("{prefix}."))
    }

    /// The codec of the measured events, with their schema registered.
    pub(crate) async fn encoders(&self, config: &Config) -> Result<Encoders, Error> {
        register(config, Encoders::of("orderly-bench").event::<Measured>()).await
    }
}

/// The codec of these events, with their schemas registered.
pub(crate) async fn register(config: &Config, declared: Declared) -> Result<Encoders, Error> {
    Ok(declared.register(config, &Registry::new(config)?).await?)
}

/// The topic of measured events.
pub(crate) async fn create_topic(config: &Config, partitions: i32) -> Result<(), Error> {
    create(config, &[TOPIC.to_owned()], partitions).await
}

/// What a group needs beside the topic that it reads.
pub(crate) async fn create_group(
    config: &Config,
    group: &str,
    partitions: i32,
) -> Result<(), Error> {
    let names = ["dead-letters", "parked"].map(|kind| format!("{group}.{kind}"));
    create(config, &names, partitions).await
}

/// Topics with their names, all with so many partitions.
pub(crate) async fn create(
    config: &Config,
    names: &[String],
    partitions: i32,
) -> Result<(), Error> {
    let specs: Vec<_> = names
        .iter()
        .map(|name| TopicSpec {
            name: name.clone(),
            partitions,
            replication: 1,
            properties: BTreeMap::new(),
        })
        .collect();
    for created in Admin::new(config)?.create(&specs).await? {
        created?;
    }
    Ok(())
}

/// A topic's name in the cluster.
pub(crate) fn there(config: &Config, topic: impl Display) -> String {
    format!("{}{topic}", config.prefix)
}

/// How many records were ever written to a topic that has so many partitions.
pub(crate) async fn records(config: &Config, topic: &str, partitions: i32) -> Result<u64, Error> {
    Ends::of(config, topic, partitions)?.records().await
}

/// The ends of a topic's partitions, to be asked for often.
pub(crate) struct Ends {
    probe: Probe,
    partitions: Vec<TopicPartition>,
}

impl Ends {
    pub(crate) fn of(config: &Config, topic: &str, partitions: i32) -> Result<Self, Error> {
        let topic = Arc::from(topic);
        let at = |partition| TopicPartition { topic: Arc::clone(&topic), partition };
        Ok(Self { probe: Probe::new(config)?, partitions: (0..partitions).map(at).collect() })
    }

    /// How many records were ever written there.
    pub(crate) async fn records(&self) -> Result<u64, Error> {
        let mut records = 0;
        for at in &self.partitions {
            records += self.probe.ends(at).await?.1;
        }
        Ok(u64::try_from(records)?)
    }
}
