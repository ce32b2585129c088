//! Moves what services committed to their outbox table on to Kafka, in commit order per key.
//!
//! A record is marked as sent after its acknowledgement by all in-sync replicas. Killed in
//! between, the next relay sends it again under the same event id: readers know a repeat by it.
//! One relay at a time per database; two would only send more repeats.
//!
//! What may surprise:
//! - A part that is away is waited for, however long. What can never go stops the relay with an
//!   error that names the record's row: later records of its key must not overtake it.
//! - It asks the client library for `enable.gapless.guarantee`, so that nothing in flight behind a
//!   refused record is written; the price is a new producer after each refusal. For the same
//!   reason a configured `message.timeout.ms` is not taken over.
//! - Brokers refuse a whole batch where one record of it is too large. After a refusal records go
//!   one by one, so that only the one that is refused alone is given up.

mod error;
mod relay_batch;
mod run;

pub use error::RelayError;
pub use run::{Settings, run};

/// The service's name.
pub const NAME: &str = "outbox-relay";
