//! Consuming: typed handlers, at least once, in order; what failed is tried again, what can't be
//! read goes to the dead letters, nothing is passed over unseen.
mod consumer;
mod context;
mod counters;
mod dead_letters;
mod direct;
mod engine;
mod failure;
mod handler;
mod in_batches;
mod one_by_one;
mod partitions;
mod read_event;
mod retry;
mod routes;
mod scope;
mod side_by_side;

pub use consumer::{ConsumeError, Consumer, Limits};
pub use context::{BatchContext, Context};
pub use direct::Direct;
pub use failure::{Decision, Failure, OrReject, Unavailable};
pub use handler::{BatchHandler, DeletionHandler, EventSet, Handler, Received};
pub use read_event::read_event;
pub use retry::{Exhausted, RetryPolicy};
pub use scope::{Begun, Scope, Start, Unit};
pub use side_by_side::SideBySide;
