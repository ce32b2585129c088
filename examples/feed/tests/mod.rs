//! What the feed is made of. All of it at once: `examples/tests.rs`.
#![allow(clippy::unwrap_used)]

mod asking;
mod timelines;
