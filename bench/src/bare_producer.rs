//! What a producer without us is: the properties that the SDK gives its own, and the headers that it
//! writes.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat};
use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
};
use uuid::Uuid;

/// As sdk/src/kafka/ sets them, the bounds of what is in flight included.
const PROPERTIES: [(&str, &str); 8] = [
    ("topic.metadata.refresh.interval.ms", "60000"),
    ("socket.timeout.ms", "10000"),
    ("enable.idempotence", "true"),
    ("acks", "all"),
    ("partitioner", "murmur2_random"),
    ("compression.type", "lz4"),
    ("message.timeout.ms", "30000"),
    ("queue.buffering.max.messages", "21000"),
];

/// Everything but what a benchmark varies.
pub(crate) fn properties(bootstrap: &str, linger_ms: u64) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", bootstrap).set("linger.ms", linger_ms.to_string());
    for (name, value) in PROPERTIES {
        client.set(name, value);
    }
    client
}

/// The SDK's, with fresh ids; `text` is a buffer.
pub(crate) fn headers(event_type: &str, millis: i64, text: &mut String) -> OwnedHeaders {
    let time = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    let time = time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
    let id = Uuid::now_v7().hyphenated().encode_lower(&mut id);
    text.clear();
    let (trace, span) = (Uuid::new_v4(), Uuid::new_v4().as_u64_pair().1);
    // Into a string it can't fail.
    let _ = write!(text, "00-{}-{span:016x}-01", trace.simple());
    let values = [
        ("ce_specversion", "1.0"),
        ("ce_id", id),
        ("ce_source", "orderly-bench"),
        ("ce_type", event_type),
        ("ce_time", &time),
        ("content-type", "application/avro"),
        ("traceparent", text),
    ];
    let mut headers = OwnedHeaders::new_with_capacity(values.len());
    for (key, value) in values {
        headers = headers.insert(Header { key, value: Some(value) });
    }
    headers
}
