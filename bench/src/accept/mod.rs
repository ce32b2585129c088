//! Orders over HTTP, each acknowledged by the broker before its answer: our service against a bare
//! handler that makes the same records, and one in Go. First as many as are answered, on 64 connections
//! that each wait for their answer; then so many a second, whether answered or not, half of what the
//! slowest could do.

mod bare;
mod customers;
mod requests;
mod server;

use std::{sync::Arc, time::Duration};

use orderly_schemas::OrderPlaced;
use orderly_sdk::{Event as _, codec::Schema};
use serde_json::json;

use crate::{
    Error,
    args::Args,
    broker, orders, peers,
    report::{Case, Report},
    resident,
    round::{median, over, rate},
    run::{Run, Side},
    system::{self, System},
};
use customers::{CONNECTIONS, Latencies, Load, Numbers};
use requests::Requests;
use server::Server;

pub(crate) use bare::serve as serve_bare;

/// Before anything is measured: a JVM compiles what it does often.
const WARMING: Duration = Duration::from_secs(4);
const AS_FAST: Duration = Duration::from_secs(4);
const OPEN_LOOP: Duration = Duration::from_secs(4);
/// Topics.yaml's.
const PARTITIONS: i32 = 12;
const GO: &str = "Go with franz-go";

/// With an Idempotency-Key and a contact, or without both.
const CASES: [(&str, bool); 2] =
    [("no key, no contact", false), ("Idempotency-Key and contact", true)];

pub(crate) async fn measure(args: &Args) -> Result<Report, Error> {
    let binary = system::build().await?;
    let go = if args.no_peers { None } else { Some(peers::franz_go().await) };
    let mut run = Run::begin(args)?;
    let system = System::start(binary, &mut run.report).await?;
    describe(&mut run.report);
    let mut servers = vec![
        Server::ours(system.run("order-api", &["--anonymous", "--prices", "as-given"])?),
        Server::bare(&system.bootstrap())?,
    ];
    match go {
        None => {}
        Some(Ok(program)) => {
            servers.push(Server::go(&program, &system.bootstrap(), bytes_of_a_value()?)?);
        }
        Some(Err(why)) => run.report.leave_out(format!("{GO}: it can't be built here: {why}")),
    }
    for server in &servers {
        server.ready().await?;
    }
    let mut placed = 0;
    for (name, is_keyed) in CASES {
        if args.wants(name) {
            placed += case(&mut run, &servers, name, is_keyed).await?;
        }
    }
    check(&system, placed).await?;
    let mut mib = serde_json::Map::new();
    for server in &servers {
        mib.insert(server.name().into(), json!(resident::peak(server.pid()?)?));
    }
    if let (Some(ours), Some(go)) = (mib["ours"].as_f64(), mib.get(GO).and_then(|it| it.as_f64())) {
        run.report.peers.insert(format!("{GO}, memory"), over(ours, go));
    }
    run.report.more.insert("peak_rss_mib".into(), mib.into());
    run.end()
}

fn describe(report: &mut Report) {
    report
        .under("load", format!("{CONNECTIONS} connections, from this process, on the same cores"));
    report.under("ours", "the release binary, its defaults, anonymous, prices as given");
    report.under("the limit", "axum, the same codec, headers, linger 0; a process of its own");
    report.under("p99", "at half of what the slowest could do, from when a request was due");
}

/// One case, its rates and its latencies; returns how many orders were accepted.
async fn case(
    run: &mut Run<'_>,
    servers: &[Server],
    name: &str,
    is_keyed: bool,
) -> Result<u64, Error> {
    let requests = Arc::new(Requests::new(is_keyed, &uuid::Uuid::new_v4().to_string()));
    let numbers = Arc::new(Numbers::default());
    let loads: Vec<_> = servers
        .iter()
        .map(|server| Load {
            address: server.address(),
            requests: Arc::clone(&requests),
            numbers: Arc::clone(&numbers),
        })
        .collect();
    let mut placed = 0;
    for load in &loads {
        placed += load.as_fast_as_answered(WARMING).await?.records;
    }
    let sides = servers.iter().zip(&loads).map(|(server, load)| {
        let side = Side::new(server.name(), |_| load.as_fast_as_answered(AS_FAST));
        if server.name() == GO { side.of_peer() } else { side }
    });
    let rounds = run.turns(name, sides.collect()).await?;
    placed += rounds.iter().flatten().map(|round| round.records).sum::<u64>();
    let slowest = rounds.iter().map(|rounds| rate(rounds)).fold(f64::INFINITY, f64::min);
    let p99s = latencies(run, servers, &loads, name, slowest / 2.0, &mut placed).await?;

    let of_rates = Case::of_rates(name, &rounds[0], &rounds[1]);
    let of_p99 = Case {
        name: format!("{name}, p99 at {:.0}/s", slowest / 2.0),
        unit: "ms",
        ours: p99s[0],
        limit: p99s[1],
        ratio: over(p99s[0], p99s[1]),
        ..of_rates.clone().beside()
    };
    if !is_keyed {
        run.report.more.insert("p99_ratio".into(), json!(of_p99.ratio));
        if let (Some(go), Some(p99)) = (rounds.get(2), p99s.get(2)) {
            run.report.peers.insert(GO.into(), over(of_rates.ours, rate(go)));
            run.report.peers.insert(format!("{GO}, p99"), over(p99s[0], *p99));
        }
    }
    let of_rates = if is_keyed { of_rates.beside() } else { of_rates };
    run.report.cases.extend([of_rates, of_p99]);
    Ok(placed)
}

/// The p99 of each, the median of its rounds, which take turns.
async fn latencies(
    run: &mut Run<'_>,
    servers: &[Server],
    loads: &[Load],
    name: &str,
    rate: f64,
    placed: &mut u64,
) -> Result<Vec<f64>, Error> {
    let mut p99s = vec![Vec::new(); servers.len()];
    for number in 0..run.args.rounds as usize {
        if !run.budget.has(OPEN_LOOP * 3) {
            run.report
                .leave_out(format!("{name}: latencies of round {number} and later, time was up"));
            break;
        }
        for turn in 0..servers.len() {
            let at = (number + turn) % servers.len();
            let Latencies { p50, p99, highest, requests } = loads[at].at(rate, OPEN_LOOP).await?;
            let side = servers[at].name();
            eprintln!(
                "{name}, {side}, {rate:.0}/s: p50 {p50:.2} ms, p99 {p99:.2} ms, highest \
                 {highest:.2} ms, {requests} requests"
            );
            run.raw.line(&json!({
                "case": name, "side": side, "rate": rate, "p50_ms": p50, "p99_ms": p99,
                "highest_ms": highest, "requests": requests,
            }))?;
            *placed += requests;
            p99s[at].push(p99);
        }
    }
    Ok(p99s.into_iter().map(|p99s| median(p99s.into_iter())).collect())
}

/// What the value of a record takes.
fn bytes_of_a_value() -> Result<usize, Error> {
    let event = bare::event(orders::request(0, false).to_string().as_bytes())?;
    let mut value = vec![0; 5];
    Schema::parse(OrderPlaced::SCHEMA)?.encode(&event, &mut value)?;
    Ok(value.len())
}

/// Everything that was accepted is there, once.
async fn check(system: &System, placed: u64) -> Result<(), Error> {
    let found = broker::records(&system.config(), OrderPlaced::TOPIC, PARTITIONS).await?;
    if found == placed {
        return Ok(());
    }
    Err(format!("{placed} orders were accepted, and {found} are in the topic").into())
}
