//! What can be asked of the example.

use std::net::SocketAddr;

use clap::{Args as Flags, Parser, Subcommand, ValueEnum};

/// Posts fan out to their author's followers' timelines: some users post and follow over HTTP, a member
/// of the group is killed in the middle, and every timeline is proved. Exit 1: one isn't as it has to be.
#[derive(Debug, Parser)]
#[command(name = "feed", args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub run: Run,
}

/// What else than the whole.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// One member of the group `fan-out`, on the parts that KAFKA_BOOTSTRAP_SERVERS, SCHEMA_REGISTRY_URL
    /// and DATABASE_URL name; any number may run.
    FanOut(FanOut),
}

/// The whole: a world of users, and the proof.
#[derive(Debug, Flags)]
pub struct Run {
    /// Users; the first is followed by all others in the end, the second by half of them, and so on.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(20..=5_000))]
    pub users: u32,
    /// Posts; one in ten is the first user's.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(60..=20_000))]
    pub posts: u32,
    #[command(flatten)]
    pub way: Way,
    /// Where HTTP is served; any free port by default.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Stays after the proof, until Ctrl-C.
    #[arg(long)]
    pub serve: bool,
    /// Repeats the run with the graph of this seed.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Breaks something before the proof, to see it found.
    #[arg(long, value_enum)]
    pub fault: Option<Fault>,
}

/// Which way posts go.
#[derive(Clone, Copy, Debug, Flags)]
pub struct Way {
    /// Followers with which posts are still put into every timeline when they are taken; those of an
    /// author with more are merged when a timeline is read. (Where there are millions of users, some thousands.)
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=100_000))]
    pub celebrity_at: i64,
}

/// A member.
#[derive(Debug, Flags)]
pub struct FanOut {
    #[command(flatten)]
    pub way: Way,
    /// A client property of the consumer, as `key=value`.
    #[arg(short = 'X', value_name = "KEY=VALUE")]
    pub properties: Vec<String>,
    /// Ends with who started it: the broker is in that process.
    #[arg(long, hide = true)]
    pub embedded: bool,
}

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Fault {
    /// A row of a timeline is gone.
    LoseRow,
    /// A post is there a second time.
    DoublePost,
    /// Two posts of one author have changed places.
    SwapPosts,
}
