//! Moves what services committed to their outbox table on to Kafka, in commit order per key.
//!
//! A record is marked as sent after its acknowledgement by all in-sync replicas. Killed in
//! between, the next relay sends it again under the same event id: readers know a repeat by it.
//! Several relays of a database share its keys, by leases; one that dies is replaced by the others
//! when its leases are over (5 s). Why none of that inverts a key: `orderly_stores::outbox`.
//!
//! What may surprise:
//! - A part that is away is waited for, however long. What can never go stops the relay with an
//!   error that names the record's row: later records of its key must not overtake it.
//! - It asks the client library for `enable.gapless.guarantee`, so that nothing in flight behind a
//!   refused record is written; the price is a new producer after each refusal. For the same
//!   reason a configured `message.timeout.ms` is not taken over.
//! - Each of its producers has one request in flight per broker, whatever is configured. A partition
//!   that doesn't know a producer takes any sequence number of it, so of two requests the second could be
//!   written where the first failed (KAFKA-14359). Big batches make up for it, and that there are four
//!   producers: all records of a key go by the same.
//! - Brokers refuse a whole batch where one record of it is too large. After a refusal records go
//!   one by one, so that only the one that is refused alone is given up.

mod error;
mod producers;
mod relay_batch;
mod run;

pub use error::RelayError;
pub use orderly_stores::outbox::LEASE;
pub use run::{POLL, Settings, run};

/// The service's name.
pub const NAME: &str = "outbox-relay";
