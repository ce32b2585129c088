//! The limit: the same codec and the same headers with fresh ids, straight into a producer with the
//! same properties, whose callback counts.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use orderly_sdk::{Event as _, codec::Schema};
use rdkafka::{
    ClientContext,
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer},
};

use super::{Job, RECORDS};
use crate::{
    Error, bare_producer, broker,
    event::{Measured, PAYLOAD, TOPIC},
    round::Round,
};

#[derive(Default)]
struct Outcomes {
    acknowledged: AtomicU64,
    failed: AtomicU64,
}

impl ClientContext for Outcomes {}

impl ProducerContext for Outcomes {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.acknowledged } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

pub(super) fn round(job: &Job) -> Result<Round, Error> {
    let mut client = bare_producer::properties(&job.config.bootstrap, job.linger);
    for (name, value) in &job.config.properties {
        client.set(name, value);
    }
    let producer: ThreadedProducer<Outcomes> = client.create_with_context(Outcomes::default())?;
    let mut writer = Writer {
        topic: broker::there(&job.config, TOPIC),
        schema: Schema::parse(Measured::SCHEMA)?,
        // Which id is written makes no difference to the work.
        frame: vec![0, 0, 0, 0, 1],
        text: String::with_capacity(64),
    };
    writer.send(&producer, &job.events[0])?;
    producer.flush(Duration::from_secs(30))?;
    let began = Instant::now();
    for event in job.of_a_round() {
        writer.send(&producer, event)?;
    }
    producer.flush(Duration::from_secs(120))?;
    let seconds = began.elapsed().as_secs_f64();
    let outcomes = producer.context();
    let (acknowledged, failed) =
        (outcomes.acknowledged.load(Ordering::Relaxed), outcomes.failed.load(Ordering::Relaxed));
    if (acknowledged, failed) != (RECORDS + 1, 0) {
        return Err(format!("{acknowledged} were acknowledged, {failed} failed").into());
    }
    Ok(Round { records: RECORDS, seconds, is_cut: false })
}

/// Buffers that every record is written into: the client copies them.
struct Writer {
    topic: String,
    schema: Schema,
    frame: Vec<u8>,
    text: String,
}

impl Writer {
    fn send(
        &mut self,
        producer: &ThreadedProducer<Outcomes>,
        event: &Measured,
    ) -> Result<(), Error> {
        self.frame.truncate(5);
        self.schema.encode(event, &mut self.frame)?;
        debug_assert_eq!(self.frame.len(), PAYLOAD);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(now.as_millis())?;
        let headers = bare_producer::headers(Measured::TYPE, millis, &mut self.text);
        let mut record = BaseRecord::<str, [u8]>::to(&self.topic)
            .key(event.key())
            .payload(&self.frame)
            .timestamp(millis)
            .headers(headers);
        loop {
            match producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    std::thread::sleep(Duration::from_micros(200));
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }
}
