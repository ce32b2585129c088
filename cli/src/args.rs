//! What can be asked for on the command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use importer::Format;

use crate::demo::Fault;

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
    /// Emit real orders from a file into a Kafka cluster.
    Import(ImportArgs),
    /// Check topics.yaml and the schemas, offline. Exits 1 if something is wrong.
    Validate(ValidateArgs),
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

    /// Stay after the proof and serve until interrupted.
    #[arg(long)]
    pub serve: bool,

    /// What every order goes through, with durations.
    #[arg(long, default_value = DEFAULT_STAGES, value_name = "STAGES")]
    pub stages: fulfilment::Stages,

    /// Break something between run and proof, to see the proof find it: lose-row, double-status or
    /// swap-statuses.
    #[arg(long, value_name = "FAULT")]
    pub fault: Option<Fault>,
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
}

/// `orderly import`
#[derive(Clone, Debug, Group)]
pub struct ImportArgs {
    /// A .csv or .csv.gz (online-retail), a directory (pizzaplace).
    pub path: PathBuf,

    /// What is in PATH: online-retail or pizzaplace.
    #[arg(long)]
    pub format: Format,

    /// Brokers, host:port[,host:port...].
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", value_name = "BROKERS")]
    pub bootstrap: Option<String>,

    /// URL of a Confluent-compatible schema registry.
    #[arg(long, env = "SCHEMA_REGISTRY_URL", value_name = "URL", hide_env_values = true)]
    pub registry: Option<String>,

    /// Any librdkafka property. No secrets here: other users see a command's arguments.
    #[arg(short = 'X', value_name = "KEY=VALUE", value_parser = property)]
    pub properties: Vec<(String, String)>,
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

fn property(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as key=value")?;
    if name.contains("password") || name.contains("secret") {
        return Err(format!(
            "`{name}` is a secret and would be seen by other users of this machine"
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn secrets_are_refused_as_arguments() {
        assert!(property("sasl.password=hunter2").is_err_and(|why| !why.contains("hunter2")));
        assert_eq!(property("a=b=c"), Ok(("a".into(), "b=c".into())));
    }
}
