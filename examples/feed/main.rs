//! A social feed on the SDK: posts fan out to timelines, on write or on read. What it promises: README.md.

mod args;
mod authors;
mod client;
mod fan_out;
mod faults;
mod follows;
mod generate;
mod kept;
mod member;
mod posts;
mod prove;
mod routes;
mod run;
mod said;
mod tables;
mod timeline;
mod world;

#[cfg(test)]
mod tests;

use std::{io, process::ExitCode};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::args::{Args, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let Args { command, run } = Args::parse();
    let filter = EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| "error,librdkafka=off,rdkafka=off".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let holds = match command {
        Some(Command::FanOut(args)) => member::run(args).await.map(|()| true),
        None => run::run(run).await,
    };
    match holds {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("feed: {error}");
            ExitCode::FAILURE
        }
    }
}
