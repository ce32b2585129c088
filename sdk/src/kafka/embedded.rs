//! A Kafka cluster inside the process: librdkafka's mock cluster. It speaks the real protocol
//! with real partitions and groups, and keeps everything in memory.
//!
//! What it lacks: anything that outlives the process, compaction, lookup by time, isolation of
//! transactions, administration; and per partition it keeps no more than [`Kept`] says, silently
//! dropping the oldest records.

use std::sync::atomic::Ordering;

use rdkafka::{
    ClientConfig,
    mocking::MockCluster,
    producer::{BaseProducer, Producer as _},
};

use super::{
    KafkaError,
    client::{self, Logged},
    ffi,
};
use crate::Config;

/// What the ids of embedded clusters begin with.
pub(super) const EMBEDDED_CLUSTER: &str = "mockCluster";

/// What the embedded broker keeps of each partition, whichever comes first.
pub struct Kept;

impl Kept {
    /// Bytes of record batches, as compressed by the producer.
    pub const BYTES: u64 = 5 * 1024 * 1024;
    /// Records.
    pub const RECORDS: u64 = 100_000;
}

/// The running broker; dropped, it is gone with all its topics.
pub struct EmbeddedBroker {
    owner: BaseProducer<Logged>,
    bootstrap: String,
}

impl EmbeddedBroker {
    /// Starts one broker on a free port of the loopback address, with these topics: names and
    /// numbers of partitions.
    pub fn start<'a>(topics: impl IntoIterator<Item = (&'a str, i32)>) -> Result<Self, KafkaError> {
        let owner: BaseProducer<Logged> = ClientConfig::new()
            .set("test.mock.num.brokers", "1")
            .set_log_level(rdkafka::config::RDKafkaLogLevel::Error)
            .create_with_context(Logged::default())
            .map_err(|e| KafkaError::failed("starting the embedded broker", &e))?;
        // Long enough for members that start together: a later one costs a whole rebalance.
        ffi::form_groups_within(owner.client(), 1_000);
        let mut broker = Self { owner, bootstrap: String::new() };
        let bootstrap = broker.cluster()?.bootstrap_servers();
        broker.bootstrap = bootstrap;
        for (topic, partitions) in topics {
            broker
                .cluster()?
                .create_topic(topic, partitions, 1)
                .map_err(|e| KafkaError::failed(format!("creating topic `{topic}`"), &e))?;
        }
        Ok(broker)
    }

    /// `host:port` that clients connect to.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The configuration of clients of this broker.
    pub fn config(&self, registry: &str) -> Config {
        let mut config = Config::new(&self.bootstrap, registry);
        config.from_first = true;
        config.consumer_properties = [
            // It answers an empty fetch only when this is over, not when a record comes.
            ("fetch.wait.max.ms", "20"),
            // A rebalance takes it a second less than this, whoever has answered already.
            ("session.timeout.ms", "3000"),
            ("heartbeat.interval.ms", "300"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        config
    }

    /// Refuses and cuts connections, as a broker that went down.
    pub fn go_down(&self) -> Result<(), KafkaError> {
        let done = self.cluster()?.broker_down(1);
        done.map_err(|e| KafkaError::failed("taking the embedded broker down", &e))
    }

    /// Accepts connections again, with everything it had.
    pub fn come_back(&self) -> Result<(), KafkaError> {
        let done = self.cluster()?.broker_up(1);
        done.map_err(|e| KafkaError::failed("bringing the embedded broker back", &e))
    }

    pub(super) fn cluster(&self) -> Result<MockCluster<'_, Logged>, KafkaError> {
        self.owner.client().mock_cluster().ok_or_else(|| KafkaError::Failed {
            doing: "starting the embedded broker".into(),
            why: "the client library has no mock cluster".into(),
        })
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        client::IS_BROKER_GONE.store(true, Ordering::Relaxed);
    }
}
