//! What travels beside an event: its id, where it came from, when it happened, and its trace.
//!
//! On the wire these are record headers by CloudEvents' Kafka protocol binding, binary mode
//! (<https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/kafka-protocol-binding.md>),
//! and `traceparent` by W3C Trace Context.

use std::{fmt, sync::Arc};

use chrono::{DateTime, SubsecRound as _, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::trace;

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
            traceparent: Some(trace::begin()),
        }
    }

    /// A new event that this one caused: same trace, same `historic`, happened now.
    pub fn caused(&self, source: &Arc<str>) -> Self {
        Self {
            historic: self.historic,
            traceparent: Some(trace::next(self.traceparent.as_deref())),
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
