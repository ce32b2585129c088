//! What became of an emitted event. Three outcomes and never two.

use crate::{EventId, Meta, consume::Unavailable, record::Coordinates};

/// Written and acknowledged by all in-sync replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Where it lies.
    pub at: Coordinates,
    /// The event's id.
    pub event_id: EventId,
    /// SHA-256 of the record's value as it was written (of nothing, for a tombstone).
    pub hash: [u8; 32],
}

/// The event wasn't acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// It surely isn't in the topic: it may be forgotten, or emitted again as a new event.
    #[error(transparent)]
    NotWritten(Box<NotWritten>),
    /// It may be in the topic, or yet get there. Emit it again under the same id
    /// ([`UnknownOutcome::meta`] with [`Emitter::emit_as`](super::Emitter::emit_as)): readers know
    /// a repeat by its id.
    #[error(transparent)]
    Unknown(Box<UnknownOutcome>),
}

/// Surely not written.
#[derive(Debug, thiserror::Error)]
#[error("event {event} with key `{key}` was not written to `{topic}`: {why}")]
pub struct NotWritten {
    /// Its type.
    pub event: String,
    /// Its topic.
    pub topic: String,
    /// Its key.
    pub key: String,
    /// Why.
    pub why: String,
    /// It never will be: the record is larger than the topic takes, or doesn't fit its schema.
    pub is_final: bool,
    /// Where it is because the brokers are away.
    #[source]
    pub away: Option<Unavailable>,
}

/// Perhaps written.
#[derive(Debug, thiserror::Error)]
#[error("event {event} with key `{key}` may or may not be in `{topic}`: {why}")]
pub struct UnknownOutcome {
    /// Its type.
    pub event: String,
    /// Its topic.
    pub topic: String,
    /// Its key.
    pub key: String,
    /// Why nobody knows.
    pub why: String,
    /// What it was emitted as; the same again makes a known repeat.
    pub meta: Option<Meta>,
    /// Where it is because the brokers are away.
    #[source]
    pub away: Option<Unavailable>,
}
