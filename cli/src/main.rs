//! The `orderly` command.

use std::process::ExitCode;

use clap::Parser as _;
use orderly::{args::Args, commands, telemetry};

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let metrics = telemetry::start();
    commands::run(args, metrics).await
}
