//! The harness itself: parts start, answer, fall and rise as told, and end with the test process.

#![allow(clippy::unwrap_used)]

mod docker;
mod ends;
mod engine;
mod eventually;
mod kafka;
mod late;
mod line;
mod not_run;
mod postgres;
mod redis;
mod registry;
mod secured;
mod small_disk;
