//! The `orderly` command with bugs and crashes on purpose (`orderly_sdk::faults`): for tests alone.

use std::process::ExitCode;

use clap::Parser as _;
use orderly::{args::Args, commands, telemetry};

#[tokio::main]
async fn main() -> ExitCode {
    eprintln!("warning: this binary can lose and double orders on purpose; it is for tests");
    let args = Args::parse();
    let metrics = telemetry::start();
    commands::run(args, metrics).await
}
