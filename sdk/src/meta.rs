//! What travels beside an event: its id, where it came from, when it happened, and its trace.
//!
//! On the wire these are record headers by CloudEvents' Kafka protocol binding, binary mode
//! (<https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/kafka-protocol-binding.md>),
//! and `traceparent` by W3C Trace Context.

use std::{fmt, sync::Arc};

use chrono::{DateTime, SubsecRound as _, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Identifies one event for ever: a repeat of a record carries the same id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(Uuid);

impl EventId {
    /// A new id, later than those made before it (UUIDv7).
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id that these parts always give (UUIDv8 of their SHA-256). The parts are told apart:
    /// `["ab", "c"]` and `["a", "bc"]` give two ids.
    pub fn derived(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The id of a `ce_id` header: a UUID as it is; anything else, by hash of source and id, since
    /// CloudEvents makes that pair unique.
    pub fn from_header(source: &str, id: &str) -> Self {
        Uuid::try_parse(id).map_or_else(|_| Self::derived(&[source, id]), Self)
    }

    /// As a UUID.
    pub fn as_uuid(&self) -> Uuid {
        self.0
    }
}

impl Default for EventId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What travels beside an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The event's id.
    pub id: EventId,
    /// The service that emitted it.
    pub source: Arc<str>,
    /// When it happened, to the millisecond; also the record's timestamp.
    pub time: DateTime<Utc>,
    /// It happened before it was emitted, as in an import: nothing outside the system acts on it.
    pub historic: bool,
    /// W3C trace context of what caused it.
    pub traceparent: Option<Arc<str>>,
}

impl Meta {
    /// A new event of `source` that happened now and begins a trace.
    pub fn new(source: &Arc<str>) -> Self {
        Self {
            id: EventId::new(),
            source: Arc::clone(source),
            time: Utc::now().trunc_subsecs(3),
            historic: false,
            traceparent: Some(begin_trace()),
        }
    }

    /// A new event that this one caused: same trace, same `historic`, happened now.
    pub fn caused(&self, source: &Arc<str>) -> Self {
        Self {
            historic: self.historic,
            traceparent: match self.traceparent.as_deref().and_then(next_span) {
                Some(child) => Some(child),
                None => Some(begin_trace()),
            },
            ..Self::new(source)
        }
    }

    /// The same, but for when it happened.
    #[must_use]
    pub fn at(mut self, time: DateTime<Utc>) -> Self {
        self.time = time.trunc_subsecs(3);
        self
    }
}

/// A sampled `traceparent` with new ids.
fn begin_trace() -> Arc<str> {
    let trace = Uuid::new_v4();
    format!("00-{}-{}-01", trace.simple(), span_id()).into()
}

/// The same trace with a span of its own; `None` where `parent` is no version-00 traceparent.
fn next_span(parent: &str) -> Option<Arc<str>> {
    let mut parts = parent.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |s: &str, len: usize| {
        s.len() == len && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_valid = version == "00"
        && parts.next().is_none()
        && is_hex(trace, 32)
        && trace.bytes().any(|b| b != b'0')
        && is_hex(span, 16)
        && is_hex(flags, 2);
    is_valid.then(|| format!("00-{trace}-{}-{flags}", span_id()).into())
}

fn span_id() -> String {
    // The random tail of a UUIDv4; its first half holds the version's fixed bits.
    let (_, random) = Uuid::new_v4().as_u64_pair();
    format!("{:016x}", random | 1)
}
