//! `orderly run`: a service, its own flags, and those of its parts.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use clap::{Args as Group, Subcommand, ValueEnum};

use super::{member_count, notifications::NotificationsArgs};
use crate::parts::{ClusterArgs, DatabaseArgs, RedisArgs};

/// `orderly run`: each service has the same flags for its parts, and its own.
#[derive(Clone, Debug, Subcommand)]
pub enum ServiceArgs {
    /// Take orders over HTTP and put them on `orders`.
    OrderApi(OrderApiArgs),
    /// Keep products and what was counted of them.
    Catalogue(CatalogueArgs),
    /// Keep who the users are, and delete them.
    Users(UsersArgs),
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

    /// Base URL of the notification service, which knows what was sent; without it that can't be looked up.
    #[arg(long, env = "ORDERLY_NOTIFICATIONS", value_name = "URL")]
    pub notifications: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub callers: CallersArgs,

    /// Where prices come from.
    #[arg(long, value_enum, default_value_t = PricesFrom::Catalogue)]
    pub prices: PricesFrom,

    /// Streams of orders followed live, open at once; 64 of the kitchen come on top.
    #[arg(long, default_value_t = 5_000, value_name = "N", value_parser = stream_count)]
    pub max_streams: usize,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub redis: RedisArgs,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub parts: PartsArgs,
}

/// Who is let in.
#[derive(Clone, Debug, Group)]
pub struct CallersArgs {
    /// Who is let in: a YAML file of callers and the SHA-256 of their keys, read again when it
    /// changes. `orderly api-key new` makes an entry.
    #[arg(long, env = "ORDERLY_API_KEYS", value_name = "FILE")]
    pub api_keys: Option<PathBuf>,

    /// Let everybody in instead, to see and to change whatever operators may: at order-api all share
    /// one namespace of Idempotency-Keys, too.
    #[arg(long)]
    pub anonymous: bool,
}

/// `orderly run catalogue`
#[derive(Clone, Debug, Group)]
pub struct CatalogueArgs {
    /// Where products and stock are kept.
    #[arg(long, default_value = "127.0.0.1:8085", value_name = "ADDR:PORT")]
    pub listen: SocketAddr,

    /// Where /healthz, /readyz and /metrics are.
    #[arg(long, default_value = "127.0.0.1:9085", value_name = "ADDR:PORT")]
    pub ops_listen: SocketAddr,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub callers: CallersArgs,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub parts: PartsArgs,
}

/// `orderly run users`
#[derive(Clone, Debug, Group)]
pub struct UsersArgs {
    /// Where users are kept.
    #[arg(long, default_value = "127.0.0.1:8086", value_name = "ADDR:PORT")]
    pub listen: SocketAddr,

    /// Where /healthz, /readyz and /metrics are.
    #[arg(long, default_value = "127.0.0.1:9086", value_name = "ADDR:PORT")]
    pub ops_listen: SocketAddr,

    /// Members of its consumer group in this process.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = member_count)]
    pub members: usize,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub callers: CallersArgs,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub parts: PartsArgs,
}

/// What `run order-api --prices` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PricesFrom {
    /// The topic `catalogue`: a price in a request is only compared with it.
    Catalogue,
    /// The requests, unseen: for shops that price elsewhere.
    AsGiven,
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

    /// What every order goes through, with durations, and stations where there are: oven=8m*2x6 are two
    /// that take six orders each, and the others wait in line.
    #[arg(long, default_value = "prep=5s,bake=10s,oven=5s", value_name = "STAGES")]
    pub stages: fulfilment::Stages,

    /// Whether an order needs stock: `counted` (it holds what it orders or is rejected) or `unlimited`
    /// (everything is made to order).
    #[arg(long, default_value = "counted", value_name = "RULE")]
    pub stock: fulfilment::StockRule,

    /// Discounts and coupons, from a YAML file; none without it.
    #[arg(long, value_name = "FILE")]
    pub promotions: Option<PathBuf>,

    /// How long a confirmed order can be cancelled before its preparation begins, as 2m.
    #[arg(long, default_value = "0s", value_name = "DURATION", value_parser = fulfilment::parse_duration)]
    pub cancel_within: Duration,

    /// Where cards are charged: `simulated` (nowhere: what a token looks like decides), or the https://
    /// base url of a payment provider, whose key is in PAYMENT_API_KEY or the file that
    /// PAYMENT_API_KEY_FILE names.
    #[arg(long, env = "PAYMENT_URL", hide_env_values = true, value_name = "URL")]
    pub payments: Payments,

    /// Certificates (PEM) of authorities that may vouch for the payment provider, beside the public
    /// ones.
    #[arg(long, env = "PAYMENT_CA", value_name = "FILE")]
    pub payment_ca: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub parts: PartsArgs,
}

fn stream_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=100_000) => Ok(count),
        _ => Err("a number from 1 to 100000".into()),
    }
}

/// Where cards are charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payments {
    /// Nowhere: tables of the database behave as a provider for tests does.
    Simulated,
    /// At the provider with this base url.
    Provider(String),
}

impl FromStr for Payments {
    type Err = &'static str;

    /// The error doesn't repeat what was given: it may hold a password.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "simulated" => Ok(Self::Simulated),
            url if url.starts_with("https://") || url.starts_with("http://") => {
                Ok(Self::Provider(url.to_owned()))
            }
            _ => Err("give `simulated` or the https:// base url of a payment provider"),
        }
    }
}

impl CallersArgs {
    /// The file of those who are let in; `None`: everybody is. `Err`: neither was asked for, or
    /// both, and nobody is let in by oversight.
    pub fn file(&self) -> Result<Option<&Path>, String> {
        match (&self.api_keys, self.anonymous) {
            (Some(file), false) => Ok(Some(file)),
            (None, true) => Ok(None),
            (None, false) => Err("who is let in? Name the file of API keys (--api-keys FILE or \
                                  ORDERLY_API_KEYS; `orderly api-key new --caller NAME` makes an \
                                  entry), or let everybody in (--anonymous)"
                .into()),
            (Some(file), true) => Err(format!(
                "--anonymous lets everybody in, --api-keys or ORDERLY_API_KEYS ({}) only who has a \
                 key: give one of them",
                file.display()
            )),
        }
    }
}

impl ServiceArgs {
    /// The service's name everywhere.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OrderApi(_) => "order-api",
            Self::Catalogue(_) => catalogue::NAME,
            Self::Users(_) => users::NAME,
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
            Self::Catalogue(args) => Some(args.listen),
            Self::Users(args) => Some(args.listen),
            Self::History(args) => Some(args.listen),
            Self::Notifications(args) => Some(args.listen),
            Self::OutboxRelay(_) | Self::Fulfilment(_) => None,
        }
    }

    /// Who is let in, where that is asked.
    pub fn callers(&self) -> Option<&CallersArgs> {
        match self {
            Self::OrderApi(args) => Some(&args.callers),
            Self::Catalogue(args) => Some(&args.callers),
            Self::Users(args) => Some(&args.callers),
            Self::OutboxRelay(_)
            | Self::History(_)
            | Self::Fulfilment(_)
            | Self::Notifications(_) => None,
        }
    }

    /// Where health and metrics are.
    pub fn ops_listen(&self) -> SocketAddr {
        match self {
            Self::OrderApi(args) => args.ops_listen,
            Self::Catalogue(args) => args.ops_listen,
            Self::Users(args) => args.ops_listen,
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
            Self::Catalogue(args) => &args.parts,
            Self::Users(args) => &args.parts,
            Self::OutboxRelay(args) => &args.parts,
            Self::History(args) => &args.parts,
            Self::Fulfilment(args) => &args.parts,
            Self::Notifications(args) => &args.parts,
        }
        .clone()
    }
}
