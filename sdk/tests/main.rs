//! The SDK against the embedded broker and registry.
#![allow(clippy::unwrap_used, missing_docs)]

mod consuming;
mod emitting;
mod parts;
mod registering;
