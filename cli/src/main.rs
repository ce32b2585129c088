//! The `orderly` command.

use std::process::ExitCode;

use clap::Parser as _;
use orderly::{args::Args, commands, telemetry};

/// Records are allocated on one thread and freed on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let metrics = telemetry::start();
    commands::run(args, metrics).await
}
