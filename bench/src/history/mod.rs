//! What happened to orders, from the topics into Postgres, against the same rows by COPY into staging
//! and an upsert; and Debezium's JDBC sink.

mod copied;
mod debezium;
mod ours;

use std::sync::Arc;

use orderly_harness::Postgres;
use orderly_schemas::{OrderConfirmed, OrderPlaced};
use orderly_sdk::{Config, Event as _};
use serde_json::json;

use crate::{
    Error,
    args::Args,
    broker::{self, Broker},
    load::Loader,
    orders::{self, EVENTS_OF_AN_ORDER},
    peers::Connect,
    report::Case,
    round::{over, rate},
    run::{Run, Side},
};

/// Orders of a round, each from its first event to its last.
const ORDERS: u64 = 20_000;
const PARTITIONS: i32 = 12;
const PEER: &str = "Debezium JDBC 3.3.1";

/// What is read, and into which server.
#[derive(Clone)]
struct Job {
    config: Config,
    postgres: Arc<Postgres>,
    /// Of all partitions.
    events: u64,
}

pub(crate) async fn measure(args: &Args) -> Result<crate::report::Report, Error> {
    let connect = if args.no_peers { None } else { Some(Connect::ready().await) };
    let mut run = Run::begin(args)?;
    let broker = Broker::start(args, &mut run.report).await?;
    let postgres = Postgres::start().await.map_err(|why| format!("no Postgres: {why}"))?;
    let job = Job {
        config: load(&broker).await?,
        postgres: Arc::new(postgres),
        events: ORDERS * EVENTS_OF_AN_ORDER,
    };
    // The rows as we make them, which is also what warms both servers up.
    let tables = Arc::new(ours::rows(&job).await?);
    let rows = tables.rows();
    run.report.under("events", format!("{} of {ORDERS} orders, typed, in two topics", job.events));
    run.report.under("rows", format!("{rows}: orders, their lines, and what happened to them"));
    run.report.under("postgres", "on this machine, fsync off; a new database for each round");
    run.report.under("ours", "one member, its defaults; from the first commit seen to the last");
    run.report.under(
        "the limit",
        format!("the same rows, ready as text; {} a transaction", copied::ROWS_AT_ONCE),
    );

    let name = "history into Postgres";
    let ours = {
        let (job, tables) = (job.clone(), Arc::clone(&tables));
        Side::new("ours", move |_| ours::round(job.clone(), Arc::clone(&tables)))
    };
    let limit = {
        let (job, tables) = (job.clone(), Arc::clone(&tables));
        Side::new("copy and upsert", move |_| copied::round(job.clone(), Arc::clone(&tables)))
    };
    let mut sides = vec![ours, limit];
    match connect {
        None => {}
        Some(Err(why)) => run.report.leave_out(format!("{PEER}: it can't be built here: {why}")),
        Some(Ok(connect)) => {
            let sink = Arc::new(debezium::Sink::start(&connect, &broker, &job, &tables).await?);
            let side = Side::new(PEER, move |number| debezium::round(Arc::clone(&sink), number));
            sides.push(side.of_peer());
        }
    }
    let rounds = run.turns(name, sides).await?;
    let mut case = Case { unit: "rows/s", ..Case::of_rates(name, &rounds[0], &rounds[1]) };
    if let Some(theirs) = rounds.get(2).filter(|rounds| !rounds.is_empty()) {
        case.peers.insert(PEER.into(), over(case.ours, rate(theirs)));
        case.raw.insert(PEER.into(), json!(theirs));
    }
    run.report.cases.push(case);
    run.end()
}

/// The topics, with every order's events in them.
async fn load(broker: &Broker) -> Result<Config, Error> {
    eprintln!("putting {} events into the topics", ORDERS * EVENTS_OF_AN_ORDER);
    let config = broker.config("shop");
    let topics = [OrderPlaced::TOPIC, OrderConfirmed::TOPIC].map(ToOwned::to_owned);
    broker::create(&config, &topics, PARTITIONS).await?;
    broker::create_group(&config, "history", PARTITIONS).await?;
    let encoders = broker::register(&config, orders::declared()).await?;
    let loader = Loader::new(&config, encoders, "20")?;
    tokio::task::spawn_blocking(move || {
        for number in 0..ORDERS {
            orders::send_whole(&loader, number)?;
        }
        loader.finish(ORDERS * EVENTS_OF_AN_ORDER)
    })
    .await??;
    Ok(config)
}
