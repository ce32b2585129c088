//! What can be asked for on the command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use importer::Format;

use crate::{
    demo::Fault,
    parts::{ClusterArgs, DatabaseArgs},
};

/// Order events on Kafka, in order per key.
#[derive(Debug, Parser)]
#[command(name = "orderly", version, arg_required_else_help = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// How results are printed to stdout. Progress and logs go to stderr.
    #[arg(short, long, global = true, default_value = "table")]
    pub output: Output,

    /// Where topics are defined [default: topics.yaml here, else the built-in one].
    #[arg(long, global = true, value_name = "FILE")]
    pub topics: Option<PathBuf>,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// One JSON object on the last line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Push orders through every service in one process, then prove that none was lost, doubled or
    /// reordered. Exits 1 if one was.
    Demo(DemoArgs),
    /// Run every service in one process and stay; prints the addresses.
    Up(UpArgs),
    /// Run one service, on real parts, until it is told to end.
    #[command(subcommand)]
    Run(ServiceArgs),
    /// Emit real orders from a file into a Kafka cluster.
    Import(ImportArgs),
    /// Create the topics and register the schemas that a Kafka cluster and its registry lack.
    /// Changes nothing that is there; what differs from topics.yaml is named.
    Apply(ApplyArgs),
    /// What a group couldn't process: list it, look at it, bring a parked key back.
    Dlq(DlqArgs),
    /// Check topics.yaml and the schemas, offline. Exits 1 if something is wrong.
    Validate(ValidateArgs),
}

/// `orderly dlq`
#[derive(Clone, Debug, Group)]
pub struct DlqArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DlqCommand,

    /// The group's Kafka cluster.
    #[command(flatten, next_help_heading = "Real parts")]
    pub cluster: ClusterArgs,
}

/// `orderly dlq …`
#[derive(Clone, Debug, Subcommand)]
pub enum DlqCommand {
    /// The keys that a group has parked, and what it skipped.
    Ls {
        /// The consumer group.
        group: String,
    },
    /// The dead letters of one key, in order.
    Show {
        /// The consumer group.
        group: String,
        /// The key.
        #[arg(long)]
        key: String,
    },
    /// Run dead letters again: a parked key's, in order and before its newer records, or all that
    /// were skipped, without any order. Says what it would do, unless told to.
    #[command(group = clap::ArgGroup::new("which").args(["key", "skipped"]).required(true))]
    Redrive {
        /// The consumer group.
        group: String,
        /// The parked key.
        #[arg(long)]
        key: Option<String>,
        /// All that the group skipped.
        #[arg(long)]
        skipped: bool,
        /// Do it.
        #[arg(long)]
        execute: bool,
    },
}

/// `orderly demo`
#[derive(Clone, Debug, Group)]
pub struct DemoArgs {
    /// Orders that the generator places over HTTP.
    #[arg(long, default_value_t = 1_000, value_name = "N", conflicts_with = "from",
          value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub orders: u64,

    /// Orders a second that the generator aims at [default: as fast as they are answered].
    #[arg(long, value_name = "R", conflicts_with = "from",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: Option<u32>,

    /// Members of each consumer group.
    #[arg(long, default_value_t = 2, value_name = "M", value_parser = member_count)]
    pub members: usize,

    /// Import this instead of generating: a .csv or .csv.gz (online-retail), a directory
    /// (pizzaplace).
    #[arg(long, value_name = "PATH", requires = "format")]
    pub from: Option<PathBuf>,

    /// What is in PATH: online-retail or pizzaplace.
    #[arg(long, requires = "from")]
    pub format: Option<Format>,

    /// spike: ten times as many orders as the consumers keep up with, for half a minute, while
    /// their databases are slow. Holds the consumers' tables by turns.
    #[arg(long, value_name = "SCENARIO", conflicts_with_all = ["from", "orders", "rate"])]
    pub scenario: Option<Scenario>,

    /// Stay after the proof and serve until interrupted.
    #[arg(long, conflicts_with = "against")]
    pub serve: bool,

    /// What every order goes through, with durations.
    #[arg(long, default_value = DEFAULT_STAGES, value_name = "STAGES")]
    pub stages: fulfilment::Stages,

    /// Break something between run and proof, to see the proof find it: lose-row, double-status or
    /// swap-statuses.
    #[arg(long, value_name = "FAULT")]
    pub fault: Option<Fault>,

    /// Real Kafka and registry instead of the embedded ones; `orderly apply` made the topics.
    #[command(flatten, next_help_heading = "Real parts")]
    pub cluster: ClusterArgs,

    /// A real database instead of SQLite files that go with the process.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Base URL of an order-api that is running with those parts: no services are started here,
    /// the run is on the ones that are there.
    #[arg(long, value_name = "URL", requires = "bootstrap")]
    pub against: Option<String>,
}

/// What `demo --scenario` plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// A spike on slow databases.
    Spike,
}

/// A kitchen some thousand times faster than a real one.
pub const DEFAULT_STAGES: &str = "prep=100ms,bake=200ms,oven=100ms";

/// `orderly up`
#[derive(Clone, Debug, Group)]
pub struct UpArgs {
    /// Where order-api listens.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR:PORT")]
    pub listen: SocketAddr,

    /// Members of each consumer group.
    #[arg(long, default_value_t = 2, value_name = "M", value_parser = member_count)]
    pub members: usize,

    /// What every order goes through, with durations.
    #[arg(long, default_value = "prep=5s,bake=10s,oven=5s", value_name = "STAGES")]
    pub stages: fulfilment::Stages,

    /// Real Kafka and registry instead of the embedded ones; `orderly apply` made the topics.
    #[command(flatten, next_help_heading = "Real parts")]
    pub cluster: ClusterArgs,

    /// A real database instead of SQLite files that go with the process.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `orderly run`: each service has the same flags for its parts, and its own.
#[derive(Clone, Debug, Subcommand)]
pub enum ServiceArgs {
    /// Take orders over HTTP and put them on `orders`.
    OrderApi(OrderApiArgs),
    /// Move what services committed on to Kafka.
    OutboxRelay(OutboxRelayArgs),
    /// Keep what happened to each order, and answer reads.
    History(HistoryArgs),
    /// Confirm orders and walk each through its stages.
    Fulfilment(FulfilmentArgs),
    /// Write to customers.
    Notifications(NotificationsArgs),
}

/// What every service takes.
#[derive(Clone, Debug, Group)]
pub struct PartsArgs {
    /// Kafka and the registry.
    #[command(flatten)]
    pub cluster: ClusterArgs,

    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `orderly run order-api`
#[derive(Clone, Debug, Group)]
pub struct OrderApiArgs {
    /// Where it takes orders.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR:PORT")]
    pub listen: SocketAddr,

    /// Where /healthz, /readyz and /metrics are.
    #[arg(long, default_value = "127.0.0.1:9080", value_name = "ADDR:PORT")]
    pub ops_listen: SocketAddr,

    /// Base URL of the history service, which answers reads.
    #[arg(long, default_value = "http://127.0.0.1:8081", value_name = "URL")]
    pub history: String,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub parts: PartsArgs,
}

/// `orderly run outbox-relay`
#[derive(Clone, Debug, Group)]
pub struct OutboxRelayArgs {
    /// Where /healthz, /readyz and /metrics are.
    #[arg(long, default_value = "127.0.0.1:9083", value_name = "ADDR:PORT")]
    pub ops_listen: SocketAddr,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub parts: PartsArgs,
}

/// `orderly run history`
#[derive(Clone, Debug, Group)]
pub struct HistoryArgs {
    /// Where it answers reads.
    #[arg(long, default_value = "127.0.0.1:8081", value_name = "ADDR:PORT")]
    pub listen: SocketAddr,

    /// Where /healthz, /readyz and /metrics are.
    #[arg(long, default_value = "127.0.0.1:9081", value_name = "ADDR:PORT")]
    pub ops_listen: SocketAddr,

    /// Members of its consumer group in this process.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = member_count)]
    pub members: usize,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub parts: PartsArgs,
}

/// `orderly run fulfilment`
#[derive(Clone, Debug, Group)]
pub struct FulfilmentArgs {
    /// Where /healthz, /readyz and /metrics are.
    #[arg(long, default_value = "127.0.0.1:9082", value_name = "ADDR:PORT")]
    pub ops_listen: SocketAddr,

    /// Members of its consumer group in this process.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = member_count)]
    pub members: usize,

    /// What every order goes through, with durations.
    #[arg(long, default_value = "prep=5s,bake=10s,oven=5s", value_name = "STAGES")]
    pub stages: fulfilment::Stages,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub parts: PartsArgs,
}

/// `orderly run notifications`
#[derive(Clone, Debug, Group)]
pub struct NotificationsArgs {
    /// Where the mailbox page is, if mails go there.
    #[arg(long, default_value = "127.0.0.1:8084", value_name = "ADDR:PORT")]
    pub listen: SocketAddr,

    /// Where /healthz, /readyz and /metrics are.
    #[arg(long, default_value = "127.0.0.1:9084", value_name = "ADDR:PORT")]
    pub ops_listen: SocketAddr,

    /// Members of its consumer group in this process.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = member_count)]
    pub members: usize,

    /// Whom mails are from. They go to the server that SMTP_URL names (smtp://user:password@host);
    /// without it into the mailbox.
    #[arg(long, default_value = "orders@localhost", value_name = "ADDRESS")]
    pub sender: String,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub parts: PartsArgs,
}

impl ServiceArgs {
    /// The service's name everywhere.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OrderApi(_) => "order-api",
            Self::OutboxRelay(_) => outbox_relay::NAME,
            Self::History(_) => "history",
            Self::Fulfilment(_) => fulfilment::NAME,
            Self::Notifications(_) => "notifications",
        }
    }

    /// Where it answers its own HTTP, if it does.
    pub fn listen(&self) -> Option<SocketAddr> {
        match self {
            Self::OrderApi(args) => Some(args.listen),
            Self::History(args) => Some(args.listen),
            Self::Notifications(args) => Some(args.listen),
            Self::OutboxRelay(_) | Self::Fulfilment(_) => None,
        }
    }

    /// Where health and metrics are.
    pub fn ops_listen(&self) -> SocketAddr {
        match self {
            Self::OrderApi(args) => args.ops_listen,
            Self::OutboxRelay(args) => args.ops_listen,
            Self::History(args) => args.ops_listen,
            Self::Fulfilment(args) => args.ops_listen,
            Self::Notifications(args) => args.ops_listen,
        }
    }

    /// Where its parts are.
    pub fn parts(&self) -> PartsArgs {
        match self {
            Self::OrderApi(args) => &args.parts,
            Self::OutboxRelay(args) => &args.parts,
            Self::History(args) => &args.parts,
            Self::Fulfilment(args) => &args.parts,
            Self::Notifications(args) => &args.parts,
        }
        .clone()
    }
}

/// `orderly import`
#[derive(Clone, Debug, Group)]
pub struct ImportArgs {
    /// A .csv or .csv.gz (online-retail), a directory (pizzaplace).
    pub path: PathBuf,

    /// What is in PATH: online-retail or pizzaplace.
    #[arg(long)]
    pub format: Format,

    /// Where to.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// `orderly apply`
#[derive(Clone, Debug, Group)]
pub struct ApplyArgs {
    /// Create nothing unless every topic gets the copies that topics.yaml asks for.
    #[arg(long)]
    pub strict_replication: bool,

    /// Where.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// `orderly validate`
#[derive(Clone, Debug, Group)]
pub struct ValidateArgs {
    /// Where the .avsc files are [default: schemas here, else the built-in ones].
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
}

fn member_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=64) => Ok(count),
        _ => Err("members: a number from 1 to 64".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Args::command().debug_assert();
    }
}
