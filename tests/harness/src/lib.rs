#![doc = include_str!("../README.md")]

mod cache;
mod error;
mod home;
mod java;
mod kafka;
mod ports;
mod postgres;
mod process;
mod program;
mod registry;
mod wait;

pub mod parts;

pub use error::{Fault, NotRun, decide, test_name};
pub use kafka::Kafka;
pub use postgres::{Postgres, TestDatabase};
pub use program::Program;
pub use registry::Registry;
