//! Puts the records of a set into its topic, before anything is measured.

use std::time::Duration;

use orderly_sdk::{Config, Event, Meta, OutRecord, codec::Encoders};
use rdkafka::{
    ClientConfig, ClientContext,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{Error, broker, event::Measured};

/// A bare producer that counts what was acknowledged.
pub(crate) struct Loader {
    producer: ThreadedProducer<Acknowledged>,
    acknowledged: Arc<AtomicU64>,
    config: Config,
    encoders: Encoders,
}

struct Acknowledged(Arc<AtomicU64>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_ok() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Loader {
    pub(crate) fn new(config: &Config, encoders: Encoders, linger: &str) -> Result<Self, Error> {
        let acknowledged = Arc::new(AtomicU64::new(0));
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &config.bootstrap)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("compression.type", "lz4")
            .set("linger.ms", linger)
            .create_with_context(Acknowledged(Arc::clone(&acknowledged)))?;
        Ok(Self { producer, acknowledged, config: config.clone(), encoders })
    }

    /// Sends an event; waits where the queue is full.
    pub(crate) fn send(&self, event: &impl Event) -> Result<(), Error> {
        let record = self.encoders.record(event, &Meta::new(self.encoders.source()))?;
        let topic = broker::there(&self.config, &record.topic);
        self.produce(|| native(&topic, &record))
    }

    /// Sends a record as it is; waits where the queue is full.
    pub(crate) fn produce<'a>(
        &self,
        record: impl Fn() -> BaseRecord<'a, [u8], [u8]>,
    ) -> Result<(), Error> {
        loop {
            match self.producer.send(record()) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }

    /// Waits until all are acknowledged.
    pub(crate) fn finish(self, sent: u64) -> Result<(), Error> {
        self.producer.flush(Duration::from_secs(120))?;
        let acknowledged = self.acknowledged.load(Ordering::Relaxed);
        if acknowledged == sent {
            return Ok(());
        }
        Err(format!("of {sent} records only {acknowledged} were acknowledged").into())
    }
}

/// Events into a topic; returns how many.
pub(crate) async fn load(
    config: &Config,
    encoders: Encoders,
    events: impl Iterator<Item = Measured> + Send + 'static,
) -> Result<u64, Error> {
    let loader = Loader::new(config, encoders, "20")?;
    let loading = tokio::task::spawn_blocking(move || {
        let mut sent = 0;
        for event in events {
            loader.send(&event)?;
            sent += 1;
        }
        loader.finish(sent)?;
        Ok(sent)
    });
    loading.await?
}

fn native<'a>(topic: &'a str, record: &'a OutRecord) -> BaseRecord<'a, [u8], [u8]> {
    let mut headers = OwnedHeaders::new();
    for (key, value) in record.headers.iter() {
        headers = headers.insert(Header { key, value: Some(value) });
    }
    let mut native =
        BaseRecord::<[u8], [u8]>::to(topic).timestamp(record.timestamp_ms).headers(headers);
    if let Some(key) = &record.key {
        native = native.key(key);
    }
    if let Some(payload) = &record.payload {
        native = native.payload(payload);
    }
    native
}
