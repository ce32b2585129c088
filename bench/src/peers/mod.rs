//! Others that do the same, built from `bench/peers` when they are first asked for.
//!
//! Each is a program of its own that reads a topic by key, waits for each record as our handler does,
//! and prints one line: how many it did in how many seconds, counted in itself as on our side, so that
//! its start and its joining aren't measured.

mod connect;
mod franz_go;
mod jvm;
mod process;
mod ruststream;

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use crate::{Error, round::Round};

pub(crate) use connect::{Connect, Worker};
pub(crate) use franz_go::build as franz_go;
pub(crate) use jvm::Jvm;
use jvm::java_and_jars;
pub(crate) use process::output;

/// What a peer is to do in a round.
pub(crate) struct Job {
    pub(crate) bootstrap: String,
    pub(crate) topic: String,
    pub(crate) group: String,
    pub(crate) records: u64,
    pub(crate) concurrency: usize,
    /// Of our handler, as measured: a JVM's timers round otherwise than tokio's.
    pub(crate) wait: Duration,
    /// What it is called by: a tokio timer makes `wait` of it.
    pub(crate) nominal: Duration,
    pub(crate) limit: Duration,
}

/// A peer that can be run here.
pub(crate) enum Peer {
    ParallelConsumer(Jvm),
    RustStream(PathBuf),
}

impl Peer {
    /// All that there are, or why not.
    pub(crate) async fn all() -> Vec<(&'static str, Result<Self, Error>)> {
        vec![
            ("Confluent Parallel Consumer 0.5.3.3", Jvm::ready().await.map(Self::ParallelConsumer)),
            ("ruststream-rdkafka 0.7.1", ruststream::build().await.map(Self::RustStream)),
        ]
    }

    /// Runs one round.
    pub(crate) async fn round(&self, job: &Job) -> Result<Round, Error> {
        let (command, wait) = match self {
            Self::ParallelConsumer(jvm) => (jvm.command("KeyedPeer"), job.wait),
            Self::RustStream(program) => (std::process::Command::new(program), job.nominal),
        };
        let mut command = command;
        command.args([&job.bootstrap, &job.topic, &job.group]);
        command.args([job.records, job.concurrency as u64].map(|number| number.to_string()));
        command.args([wait.as_micros(), job.limit.as_millis()].map(|number| number.to_string()));
        // Starting, joining and leaving, besides.
        let patience = job.limit + Duration::from_secs(60);
        let printed = process::output(command, patience).await?;
        let line = printed.lines().last().unwrap_or_default();
        let told: Told = serde_json::from_str(line)
            .map_err(|why| format!("it printed `{line}`, which is no result: {why}"))?;
        Ok(Round {
            records: told.records,
            seconds: told.seconds,
            is_cut: told.records < job.records,
        })
    }
}

/// The last line that a peer prints.
#[derive(Deserialize)]
struct Told {
    records: u64,
    seconds: f64,
}
