//! What can be asked for on the command line.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use importer::Format;

use crate::{
    demo::{Fault, ShopScenario},
    parts::{ClusterArgs, DatabaseArgs, RedisArgs},
};

mod notifications;
mod services;

pub use notifications::NotificationsArgs;
pub use services::{
    CallersArgs, CatalogueArgs, FulfilmentArgs, HistoryArgs, OrderApiArgs, OutboxRelayArgs,
    PartsArgs, Payments, PricesFrom, ServiceArgs, UsersArgs,
};

/// Order events on Kafka, in order per key.
#[derive(Debug, Parser)]
#[command(
    name = "orderly",
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 fine; 1 a violation, or a refusal; 2 wrong usage; 3 a part can't be reached."
)]
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
    /// What a topic has, read once more; no group and nobody live takes notice.
    Replay(ReplayArgs),
    /// What fulfilment has of each product, holds for orders, and sold.
    Stock(StockArgs),
    /// API keys: make one for a caller.
    ApiKey(ApiKeyArgs),
    /// Check topics.yaml and the schemas, offline. Exits 1 if something is wrong.
    Validate(ValidateArgs),
}

/// `orderly stock`
#[derive(Clone, Debug, Group)]
pub struct StockArgs {
    /// Only these products [default: all, by sku].
    #[arg(value_name = "SKU", num_args = 0..=500)]
    pub skus: Vec<String>,

    /// Only those behind this sku: where the page before ended.
    #[arg(
        long,
        value_name = "SKU",
        default_value = "",
        hide_default_value = true,
        conflicts_with = "skus"
    )]
    pub after: String,

    /// Products that are shown at most.
    #[arg(long, default_value_t = 1_000, value_name = "N", conflicts_with = "skus",
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,

    /// Fulfilment's database.
    #[command(flatten, next_help_heading = "Real parts")]
    pub database: DatabaseArgs,
}

/// `orderly api-key`
#[derive(Clone, Debug, Group)]
pub struct ApiKeyArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ApiKeyCommand,
}

/// `orderly api-key …`
#[derive(Clone, Debug, Subcommand)]
pub enum ApiKeyCommand {
    /// Make a key. It is shown this once, on stdout; on stderr is what to add to the file of
    /// --api-keys, which never holds the key itself.
    New {
        /// Who is to have it: 1 to 64 of A-Z, a-z, 0-9, dot, underscore, hyphen.
        #[arg(long, value_name = "NAME", value_parser = caller_name)]
        caller: String,
        /// What they may see: what they placed themselves, or everything.
        #[arg(long, default_value = "caller")]
        role: Role,
    },
}

/// What the owner of a key may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// What they placed themselves.
    Caller,
    /// Everything.
    Operator,
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

/// `orderly replay`
#[derive(Clone, Debug, Group)]
pub struct ReplayArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ReplayCommand,

    /// The topic's Kafka cluster.
    #[command(flatten, next_help_heading = "Real parts")]
    pub cluster: ClusterArgs,
}

/// `orderly replay …`
#[derive(Clone, Debug, Subcommand)]
pub enum ReplayCommand {
    /// Copy what a topic has now into another, each record once, keys and timestamps kept. Run again
    /// after whatever ended it, it goes on where it was.
    ToTopic {
        /// The topic that is read.
        source: String,
        /// The topic that is written to; it must be there.
        target: String,
        /// Records a second, at most [default: as fast as they go].
        #[arg(long, value_name = "R")]
        rate: Option<NonZeroU32>,
        /// Only say what would be copied.
        #[arg(long)]
        dry_run: bool,
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

    /// Something goes wrong, and the run proves what then holds; each is about orders of its own.
    /// spike: ten times as many orders as the consumers keep up with, for half a minute, while
    /// their databases are slow. Holds the consumers' tables by turns.
    #[arg(long, value_name = "SCENARIO", conflicts_with_all = ["from", "orders", "rate"])]
    pub scenario: Option<Scenario>,

    /// Stay after the proof and serve until interrupted.
    #[arg(long, conflicts_with = "against")]
    pub serve: bool,

    #[arg(long, value_name = "STAGES", help = STAGES_OF_DEMO)]
    #[allow(missing_docs)]
    pub stages: Option<fulfilment::Stages>,

    /// So many times as fast as that.
    #[arg(long, default_value_t = DEFAULT_SPEED_UP, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub speed_up: u32,

    /// Break something between run and proof, to see the proof find it: lose-row, double-status,
    /// swap-statuses, leak-hold or phantom-sale.
    #[arg(long, value_name = "FAULT")]
    pub fault: Option<Fault>,

    /// Real Kafka and registry instead of the embedded ones; `orderly apply` made the topics.
    #[command(flatten, next_help_heading = "Real parts")]
    pub cluster: ClusterArgs,

    /// A real database instead of SQLite files that go with the process.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// A real cache, beside real parts or embedded ones.
    #[command(flatten)]
    pub redis: RedisArgs,

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
    /// 200 customers race for 50 pieces.
    LastUnit,
    /// Everybody cancels, in time or too late.
    CancelRace,
    /// The payment provider is away while everybody orders.
    PaymentOutage,
    /// 200 customers use a coupon that is good for 50.
    CouponRush,
    /// 200 customers order at once, and the oven takes four.
    SlowOven,
    /// Half of the customers come for what is ready when all others have gone.
    LateCustomer,
    /// Of nine receivers of webhooks three are broken at first, and one for ever.
    BrokenWebhook,
    /// The mail server is away until everything else was told.
    SmtpDown,
}

impl Scenario {
    /// Those of the shop.
    pub fn of_the_shop(self) -> Option<ShopScenario> {
        match self {
            Self::Spike => None,
            Self::LastUnit => Some(ShopScenario::LastUnit),
            Self::CancelRace => Some(ShopScenario::CancelRace),
            Self::PaymentOutage => Some(ShopScenario::PaymentOutage),
            Self::CouponRush => Some(ShopScenario::CouponRush),
            Self::SlowOven => Some(ShopScenario::SlowOven),
            Self::LateCustomer => Some(ShopScenario::LateCustomer),
            Self::BrokenWebhook => Some(ShopScenario::BrokenWebhook),
            Self::SmtpDown => Some(ShopScenario::SmtpDown),
        }
    }
}

/// The demo's kitchen: of a size for as many orders at once as it gets.
pub const DEFAULT_STAGES: &str = "prep=2m*20x3,bake=4m*40x3,oven=2m*20x3";
const STAGES_OF_DEMO: &str = "What every order goes through, with durations, and stations where there are: \
    oven=8m*2x6 are two that take six orders each [default: prep=2m*20x3,bake=4m*40x3,oven=2m*20x3]";
/// So fast it is there.
pub const DEFAULT_SPEED_UP: u32 = 1_200;

/// `orderly up`
#[derive(Clone, Debug, Group)]
pub struct UpArgs {
    /// Where order-api listens.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR:PORT")]
    pub listen: SocketAddr,

    /// Let everybody in, to see and to change everything: said where others can come in, on another
    /// address than this machine's own or on real parts. With keys, run the services one by one.
    #[arg(long)]
    pub anonymous: bool,

    /// Members of each consumer group.
    #[arg(long, default_value_t = 2, value_name = "M", value_parser = member_count)]
    pub members: usize,

    /// What every order goes through, with durations, and stations where there are: oven=8m*2x6 are two
    /// that take six orders each.
    #[arg(long, default_value = "prep=2m*2,bake=4m*3,oven=2m*2", value_name = "STAGES")]
    pub stages: fulfilment::Stages,

    /// How long a confirmed order can be cancelled before its preparation begins, as 20s.
    #[arg(long, default_value = "0s", value_name = "DURATION", value_parser = fulfilment::parse_duration)]
    pub cancel_within: std::time::Duration,

    /// So many times as fast as that.
    #[arg(long, default_value_t = 24, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub speed_up: u32,

    /// Real Kafka and registry instead of the embedded ones; `orderly apply` made the topics.
    #[command(flatten, next_help_heading = "Real parts")]
    pub cluster: ClusterArgs,

    /// A real database instead of SQLite files that go with the process.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// A real cache, beside real parts or embedded ones.
    #[command(flatten)]
    pub redis: RedisArgs,
}

/// `orderly import`
#[derive(Clone, Debug, Group)]
pub struct ImportArgs {
    /// A .csv or .csv.gz (online-retail), a directory (pizzaplace).
    pub path: PathBuf,

    /// What is in PATH: online-retail or pizzaplace.
    #[arg(long)]
    pub format: Format,

    /// First say of each product in it how much was sold, as if that was counted, so that a fulfilment
    /// that counts stock can hold it. Replaces what was counted of them before.
    #[arg(long)]
    pub fill_shelves: bool,

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

fn caller_name(text: &str) -> Result<String, String> {
    orderly_web::must_be_name(text).map(|()| text.to_owned())
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
