//! What can be asked for on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Measures the SDK against its limits and its peers, on a broker that it starts.
#[derive(Debug, Parser)]
#[command(name = "orderly-bench", arg_required_else_help = true)]
pub(crate) struct Args {
    /// What to measure.
    #[command(subcommand)]
    pub(crate) bench: Bench,

    /// How results are printed to stdout. Progress goes to stderr.
    #[arg(short, long, global = true, default_value = "table")]
    pub(crate) output: Output,

    /// Where every round is written down, one JSON object a line [default: a new file in
    /// `target/bench/`].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) raw: Option<PathBuf>,

    /// Rounds of each side; its median counts. Peers get three at most.
    #[arg(long, global = true, default_value_t = 5, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=99))]
    pub(crate) rounds: u32,

    /// Only the cases whose name has this in it.
    #[arg(long, global = true, value_name = "TEXT")]
    pub(crate) only: Option<String>,

    /// A librdkafka property of ours and of the bare loops.
    #[arg(short = 'X', global = true, value_name = "KEY=VALUE", value_parser = property)]
    pub(crate) properties: Vec<(String, String)>,

    /// Leaves the peers out.
    #[arg(long, global = true)]
    pub(crate) no_peers: bool,
}

/// The benchmarks.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Bench {
    /// Typed events to a handler that does nothing, against a bare poll loop that decodes the same.
    Consume,
    /// Typed events, all acknowledged, against a bare producer of the same records.
    Emit,
    /// A handler that waits, by key, against the ideal; and the peers.
    Keyed,
    /// What one slow key does to the others' latency.
    HotKey,
    /// What the services take together at load, against one JVM consumer.
    Memory,
    /// Orders over HTTP, each acknowledged, against a bare handler that makes the same records.
    Accept,
    /// Orders confirmed on Postgres, against the same statements run by pgbench.
    Fulfil,
    /// What happened to orders, into Postgres, against COPY into staging and an upsert; and the peer.
    History,
    /// From a commit on Postgres to a consumer, by the outbox-relay, and how fast it drains; and the peer.
    Outbox,
    /// Typed events from topic to topic, exactly once, against Kafka Streams and our own at-least-once.
    ExactlyOnce,
    /// The limit of `accept`: it runs this as a process of its own.
    #[command(hide = true)]
    BareAccept(BareAccept),
}

/// `orderly-bench bare-accept`
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct BareAccept {
    pub(crate) listen: String,
    pub(crate) bootstrap: String,
    pub(crate) topic: String,
}

impl Bench {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Consume => "consume",
            Self::Emit => "emit",
            Self::Keyed => "keyed",
            Self::HotKey => "hot-key",
            Self::Memory => "memory",
            Self::Accept => "accept",
            Self::Fulfil => "fulfil",
            Self::History => "history",
            Self::Outbox => "outbox",
            Self::ExactlyOnce => "exactly-once",
            Self::BareAccept(_) => "bare-accept",
        }
    }
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// One JSON object on the last line.
    Json,
}

impl Args {
    /// Whether this case is asked for.
    pub(crate) fn wants(&self, case: &str) -> bool {
        self.only.as_ref().is_none_or(|only| case.contains(only.as_str()))
    }
}

fn property(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("KEY=VALUE is wanted")?;
    Ok((name.to_owned(), value.to_owned()))
}
