//! From a commit on Postgres to a consumer, at a set rate, and how fast a backlog is drained: by one
//! outbox-relay, and by Debezium's outbox router.

mod arrivals;
mod commits;
mod debezium;
mod drain;
mod latency;
mod relay;

use std::sync::Arc;

use orderly_harness::{Postgres, TestDatabase};
use orderly_sdk::{Config, codec::Encoders};

use crate::{
    Error,
    args::Args,
    broker::{self, Broker},
    event::{PAYLOAD, TOPIC},
    ours::Set,
    peers::Connect,
    postgres::database,
    report::Report,
    run::Run,
};
use relay::Relay;

const PARTITIONS: i32 = 12;
const KEYS: u32 = 1_000;
const PEER: &str = "Debezium outbox 3.3.1";
/// What it reads changes by. So for both sides.
const LOGICAL: [(&str, &str); 1] = [("wal_level", "logical")];

/// The parts of all rounds.
#[derive(Clone)]
struct Job {
    broker: Arc<Broker>,
    postgres: Arc<Postgres>,
}

/// What a round has for itself.
struct Place {
    /// Fit for names of topics and connectors.
    name: String,
    config: Config,
    encoders: Encoders,
    database: TestDatabase,
}

pub(crate) async fn measure(args: &Args) -> Result<Report, Error> {
    let connect = if args.no_peers { None } else { Some(Connect::ready().await) };
    let mut run = Run::begin(args)?;
    let broker = Broker::start(args, &mut run.report).await?;
    let postgres = Postgres::start_with(&LOGICAL).await;
    let postgres = postgres.map_err(|why| format!("no Postgres: {why}"))?;
    run.report.under("payload", format!("{PAYLOAD} B of Avro, the SDK's headers"));
    run.report.under("keys", format!("{KEYS}, uniform, over {PARTITIONS} partitions"));
    run.report.under("postgres", "on this machine, fsync off; a new database for each round");
    run.report
        .under("ours", "one relay in this process, as the command runs it; it hears of no commit");
    run.report.under("limit", "none: the goal stands there, and a ratio of 1 is the goal reached");

    let mut relays = vec![Relay::Ours];
    match connect {
        None => {}
        Some(Err(why)) => run.report.leave_out(format!("{PEER}: it can't be had here: {why}")),
        Some(Ok(connect)) => match connect.start(broker.bootstrap()).await {
            Ok(worker) => relays.push(Relay::Debezium(Arc::new(worker))),
            Err(why) => run.report.leave_out(format!("{PEER}: {why}")),
        },
    }
    let job = Job { broker: Arc::new(broker), postgres: Arc::new(postgres) };
    latency::measure(&mut run, &job, &relays).await?;
    drain::measure(&mut run, &job, &relays).await?;
    run.end()
}

impl Place {
    /// A database with the relay's table in it, and a topic.
    async fn make(job: &Job, relay: &Relay, case: &str, number: u32) -> Result<Self, Error> {
        let name = format!("{case}-{}-{number}", relay.id());
        let config = job.broker.config(&name);
        broker::create_topic(&config, PARTITIONS).await?;
        let encoders = job.broker.encoders(&config).await?;
        let place = Self { name, config, encoders, database: database(&job.postgres).await? };
        relay.prepare(&place).await?;
        Ok(place)
    }

    /// Its topic's name in the cluster.
    fn topic(&self) -> String {
        broker::there(&self.config, TOPIC)
    }

    fn set(&self, records: u64) -> Set {
        Set { config: self.config.clone(), partitions: PARTITIONS, records }
    }
}
