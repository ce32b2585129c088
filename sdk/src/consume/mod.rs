//! Consuming: typed handlers, different keys side by side, each key in order, at least once; what
//! failed is tried again, what is given up goes to the dead letters with all that follows it, nothing
//! is passed over unseen.
//!
//! What is decided, is decided in `orderly-core`, which knows no I/O; `shell.rs` brings it together
//! with the client library and the handlers.
mod at_once;
mod consumer;
mod context;
mod counters;
mod crew;
mod dead_letters;
mod direct;
mod engine;
mod exactly_once;
mod execute;
mod failure;
mod handler;
mod in_batches;
mod letters;
mod look;
mod mailbox;
mod marks;
mod one_by_one;
mod pace;
mod perform;
mod read_event;
mod remembered;
mod routes;
mod scope;
mod shell;
mod side_by_side;
mod take_over;
mod unwritable;
mod window;

pub use consumer::{ConsumeError, Consumer, Limits};
pub use context::{BatchContext, Context};
pub use dead_letters::{
    DeadLetter, Parked, PassedOver, dead_letters, parked_keys, passed_over, request_passed_over,
    request_redrive,
};
pub use direct::Direct;
pub use exactly_once::{ExactlyOnce, Transactional};
pub use failure::{Decision, Failure, OrReject, Unavailable};
pub use handler::{BatchHandler, DeletionHandler, EventSet, Handler, Received};
pub use orderly_core::{Exhausted, Ledger, Position, RetryPolicy};
pub use read_event::read_event;
pub use remembered::Remembered;
pub use scope::{Begun, Scope, Start, Unit};
pub use side_by_side::SideBySide;
