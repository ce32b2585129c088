//! The limit: a poll loop that decodes each value by the same codec, with nothing around it. It
//! commits nothing and doesn't read the headers.

use std::time::{Duration, Instant};

use orderly_sdk::{
    Event as _,
    codec::{Schema, frame},
};
use rdkafka::{
    ClientConfig, Message as _,
    consumer::{BaseConsumer, Consumer as _},
};

use super::Work;
use crate::{
    Error, broker,
    event::{Measured, TOPIC},
    ours::Set,
    round::Round,
    tally::Tally,
};

pub(super) type Properties = [(&'static str, &'static str); 5];

/// What the SDK gives its consumers (sdk/src/kafka/): fetching is alike on both sides.
pub(super) const ALIKE: Properties = [
    ("queued.min.messages", "20000"),
    ("queued.max.messages.kbytes", "4096"),
    ("fetch.wait.max.ms", "50"),
    ("fetch.queue.backoff.ms", "10"),
    ("topic.metadata.refresh.interval.ms", "60000"),
];
/// What is fastest here: so that a property of the SDK's that slows both down doesn't pass for a limit.
/// The client waits a second by default before it fetches again for a queue that was full.
pub(super) const TUNED: Properties = [
    ("queued.min.messages", "100000"),
    ("queued.max.messages.kbytes", "65536"),
    ("fetch.wait.max.ms", "50"),
    ("fetch.queue.backoff.ms", "1"),
    ("topic.metadata.refresh.interval.ms", "60000"),
];
const BOTH: [(&str, &str); 4] = [
    ("socket.timeout.ms", "10000"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("partition.assignment.strategy", "cooperative-sticky"),
];
/// Longest wait for the first record, which isn't measured.
const JOINING: Duration = Duration::from_secs(60);
/// The clock is looked at each so many records only: it costs.
const LOOK_AT_CLOCK: u32 = 4_096;

pub(super) fn round(
    set: &Set,
    group: &str,
    properties: &Properties,
    work: Work,
    limit: Duration,
) -> Result<Round, Error> {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &set.config.bootstrap);
    client.set("group.id", broker::there(&set.config, group));
    client.set("auto.offset.reset", "earliest"); // where the SDK begins by itself
    for (name, value) in BOTH.iter().chain(properties) {
        client.set(*name, *value);
    }
    for (name, value) in &set.config.properties {
        client.set(name, value);
    }
    let consumer: BaseConsumer = client.create()?;
    consumer.subscribe(&[&broker::there(&set.config, TOPIC)])?;
    let schema = Schema::parse(Measured::SCHEMA)?;
    let (tally, began) = (Tally::of(set.records), Instant::now());
    let mut known = None;
    let mut until_late = LOOK_AT_CLOCK;
    while !tally.has_ended() {
        let Some(message) = consumer.poll(Duration::from_millis(100)) else {
            if known.is_none() && began.elapsed() > JOINING {
                return Err("no record came".into());
            }
            if tally.is_late(limit) {
                break;
            }
            continue;
        };
        until_late -= 1;
        if until_late == 0 {
            until_late = LOOK_AT_CLOCK;
            if tally.is_late(limit) {
                break;
            }
        }
        let message = message?;
        tally.begin();
        let (id, datum) = frame::split(message.payload().unwrap_or_default())?;
        if *known.get_or_insert(id) != id {
            return Err("the set has records of another schema".into());
        }
        let event: Measured = schema.decode(datum)?;
        work.compute();
        tally.done(event.number());
    }
    tally.round()
}
