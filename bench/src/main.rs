//! `orderly-bench`: how near the SDK comes to its limits, and where it stands beside others.

mod args;
mod broker;
mod budget;
mod cargo;
mod event;
mod keys;
mod load;
mod machine;
mod ours;
mod raw;
mod report;
mod round;
mod run;
mod tally;

mod consume;
mod emit;
mod hot_key;
mod keyed;
mod memory;
mod peers;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::args::{Args, Bench};

/// Of both sides. The command has the system's, which takes less memory (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What any of this fails with: it is told to a person and ends the run.
type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let logs = EnvFilter::try_from_default_env().unwrap_or_else(|_| "error".into());
    tracing_subscriber::fmt().with_env_filter(logs).with_writer(std::io::stderr).init();
    let measured = match args.bench {
        Bench::Consume => consume::measure(&args).await,
        Bench::Emit => emit::measure(&args).await,
        Bench::Keyed => keyed::measure(&args).await,
        Bench::HotKey => hot_key::measure(&args).await,
        Bench::Memory => memory::measure(&args).await,
    };
    match measured.and_then(|report| report.print(args.output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("orderly-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
