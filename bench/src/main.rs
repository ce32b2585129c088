//! `orderly-bench`: how near the SDK comes to its limits, and where it stands beside others.

mod args;
mod bare_producer;
mod broker;
mod budget;
mod cargo;
mod checking;
mod event;
mod keys;
mod load;
mod machine;
mod open_loop;
mod orders;
mod ours;
mod postgres;
mod progress;
mod raw;
mod report;
mod resident;
mod round;
mod run;
mod system;
mod tally;
mod waiting;

mod accept;
mod consume;
mod emit;
mod exactly_once;
mod fulfil;
mod history;
mod hot_key;
mod keyed;
mod memory;
mod outbox;
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
    let measured = match &args.bench {
        Bench::Consume => consume::measure(&args).await,
        Bench::Emit => emit::measure(&args).await,
        Bench::Keyed => keyed::measure(&args).await,
        Bench::HotKey => hot_key::measure(&args).await,
        Bench::Memory => memory::measure(&args).await,
        Bench::Accept => accept::measure(&args).await,
        Bench::Fulfil => fulfil::measure(&args).await,
        Bench::History => history::measure(&args).await,
        Bench::Outbox => outbox::measure(&args).await,
        Bench::ExactlyOnce => exactly_once::measure(&args).await,
        Bench::BareAccept(bare) => return ended(accept::serve_bare(bare).await),
    };
    ended(measured.and_then(|report| report.print(args.output)))
}

fn ended(outcome: Result<(), Error>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("orderly-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
