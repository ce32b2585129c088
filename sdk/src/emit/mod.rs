//! Emitting: typed, keyed, acknowledged by all in-sync replicas; the outcome is one of three, as
//! types: a [`Receipt`], [`EmitError::NotWritten`], [`EmitError::Unknown`].
mod emitter;
mod outcome;

pub use emitter::{EmitSettings, Emitter, Pending};
pub use outcome::{EmitError, NotWritten, Receipt, UnknownOutcome};
