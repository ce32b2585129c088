#![doc = include_str!("../README.md")]

mod browser;
mod cache;
mod docker;
mod error;
mod home;
mod java;
mod kafka;
mod node;
mod part;
mod ports;
mod postgres;
mod process;
mod program;
mod redis;
mod registry;
mod small_disk;
mod unique;
mod wait;

pub mod parts;

pub use browser::Browser;
pub use error::{Fault, NotRun, decide, test_name};
pub use java::{java, maven};
pub use kafka::{Api, Hold, Kafka, Line, Loss, SecuredKafka, Then, Until, Whose};
pub use node::Way;
pub use part::{Kind, Part};
pub use postgres::{Postgres, TestDatabase};
pub use program::Program;
pub use redis::Redis;
pub use registry::Registry;
pub use small_disk::{Filler, SmallDisk};
