//! What keeps a replay from its end.

use std::sync::Arc;

use crate::{kafka::KafkaError, record::Coordinates};

/// Why a replay ended early. What it had done stays, and another one goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Kafka, or its client library.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// It would never end.
    #[error("`{0}` can't be copied into itself; name another topic")]
    Itself(Arc<str>),
    /// The target won't have it.
    #[error(
        "the record at {at} can't be written to `{target}`: {why}; does max.message.bytes there allow \
         for it?"
    )]
    Refused {
        /// Which.
        at: Coordinates,
        /// The topic that it was to be written to.
        target: Arc<str>,
        /// What the broker said.
        why: String,
    },
    /// What is there isn't of this topic as it is now.
    #[error(
        "`{target}` has a copy of {copied}, which the topic doesn't reach: was it deleted and created anew? \
         Name another topic to copy to"
    )]
    Another {
        /// The record that it says it has.
        copied: Coordinates,
        /// The topic that is written to.
        target: Arc<str>,
    },
    /// Two would write each record twice: the younger one goes on.
    #[error(
        "another replay from `{from}` to `{to}` has taken over, or this one stood still for longer than a \
         transaction may be open: {why}"
    )]
    TakenOver {
        /// The topic that is read.
        from: Arc<str>,
        /// The topic that is written to.
        to: Arc<str>,
        /// What the broker said.
        why: String,
    },
    /// Transactions fail, one after the other.
    #[error(
        "{times} transactions in a row came to nothing, the last one so: {why}; run it again when the \
         brokers are well: it goes on where it ended"
    )]
    Failing {
        /// How many.
        times: u32,
        /// What the last one failed with.
        why: String,
    },
    /// It ended without a word.
    #[error("the reader of `{0}` ended")]
    ReaderEnded(Arc<str>),
}
