//! A handler that waits, by key: how near it comes to the ideal, at which every key is always at work.

mod ideal;
mod ours;

use std::{sync::Arc, time::Duration};

use crate::{
    Error,
    args::Args,
    broker::{self, Broker},
    event::{Measured, PAYLOAD, TOPIC},
    keys::Skew,
    load, machine,
    ours::Set,
    peers::{self, Peer},
    report::{Case, Report},
    round::{Round, median, over},
    run::Run,
    waiting::handler_time,
};
use ideal::{Ideal, KEYS};

const PARTITIONS: i32 = 12;
/// Rounds of a peer.
const PEER_ROUNDS: u32 = 3;
/// A round is cut at so many times the ideal.
const CUT: u32 = 5;

/// One of the eight.
#[derive(Clone, Copy, Debug)]
struct Kind {
    skew: Skew,
    wait: Duration,
    concurrency: usize,
}

type Peers = Vec<(&'static str, Peer)>;

pub(crate) async fn measure(args: &Args) -> Result<Report, Error> {
    let mut peers: Peers = Vec::new();
    let mut missing = Vec::new();
    if !args.no_peers {
        for (name, peer) in Peer::all().await {
            match peer {
                Ok(peer) => peers.push((name, peer)),
                Err(why) => missing.push(format!("{name}: it can't be built here: {why}")),
            }
        }
    }
    // Building isn't measuring: the time counts from here.
    let mut run = Run::begin(args)?;
    missing.into_iter().for_each(|peer| run.report.leave_out(peer));
    let broker = Broker::start(args, &mut run.report).await?;
    run.report.under("payload", format!("{PAYLOAD} B of Avro, the SDK's headers, lz4 batches"));
    run.report.under("keys", format!("{KEYS} over {PARTITIONS} partitions"));
    run.report.under(
        "limit",
        "the ideal, max(N·t/c, n_hot·t), t of the bare handler as measured in this run",
    );
    run.report.under("timed", "from the first record's begin to the last one's end, for all alike");
    for kind in Kind::all() {
        if args.wants(&kind.name()) {
            case(&mut run, &broker, &peers, kind).await?;
        }
    }
    run.end()
}

impl Kind {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for skew in [Skew::Uniform, Skew::Zipf] {
            for wait in [10, 100].map(Duration::from_millis) {
                for concurrency in [100, 1_000] {
                    all.push(Self { skew, wait, concurrency });
                }
            }
        }
        all
    }

    fn name(self) -> String {
        let skew = match self.skew {
            Skew::Uniform => "uniform",
            Skew::Zipf => "Zipf 1.1",
        };
        format!("{skew}, {} ms, concurrency {}", self.wait.as_millis(), self.concurrency)
    }

    /// Fit for a topic's name.
    fn id(self) -> String {
        let skew = if self.skew == Skew::Uniform { 'u' } else { 'z' };
        format!("keyed-{skew}-{}-{}", self.wait.as_millis(), self.concurrency)
    }
}

async fn case(run: &mut Run<'_>, broker: &Broker, peers: &Peers, kind: Kind) -> Result<(), Error> {
    let name = kind.name();
    let time = handler_time(kind.wait).await?;
    let ideal = Ideal::of(kind.skew, kind.concurrency, time);
    eprintln!(
        "{name}: {} records, {} of the hottest key, {:.2} ms each: {:.3} s at best",
        ideal.keys.len(),
        ideal.hottest,
        time.as_secs_f64() * 1e3,
        ideal.seconds,
    );
    let config = broker.config(&kind.id());
    broker::create_topic(&config, PARTITIONS).await?;
    let encoders = broker.encoders(&config).await?;
    let records = ideal.keys.clone().into_iter().zip(0..);
    let events = records.map(|(key, number)| Measured::new(key, number, 1_800_000_000_000_000));
    let records = load::load(&config, encoders, events).await?;
    let set = Set { config, partitions: PARTITIONS, records };
    let limit = Duration::from_secs_f64(ideal.seconds) * CUT;

    let mut ours = Vec::new();
    let mut theirs: Vec<Vec<Round>> = peers.iter().map(|_| Vec::new()).collect();
    for number in 0..run.args.rounds {
        if !run.budget.has(limit.min(Duration::from_secs_f64(ideal.seconds * 2.0))) {
            run.report
                .leave_out(format!("{name}: ours, rounds from {} on, time was up", number + 1));
            break;
        }
        if !ours.iter().any(|round: &Round| round.is_cut) {
            let (round, took) = machine::timed(ours::round(&set, number, kind, limit)).await;
            let round = round.map_err(|why| format!("{name}: {why}"))?;
            run.raw.round(&name, "ours", &round, Some(took))?;
            ours.push(round);
        }
        if number >= PEER_ROUNDS {
            continue;
        }
        for (at, (peer, runs)) in peers.iter().enumerate() {
            if theirs[at].iter().any(|round| round.is_cut) {
                continue;
            }
            if !run.budget.has(limit) {
                run.report.leave_out(format!("{name}: {peer}, round {}, time was up", number + 1));
                continue;
            }
            let job = peers::Job {
                bootstrap: broker.bootstrap().to_owned(),
                topic: broker::there(&set.config, TOPIC),
                group: format!("{}-peer-{at}-{number}", kind.id()),
                records,
                concurrency: kind.concurrency,
                wait: time,
                nominal: kind.wait,
                limit,
            };
            match runs.round(&job).await {
                Ok(round) => {
                    run.raw.round(&name, peer, &round, None)?;
                    theirs[at].push(round);
                }
                Err(why) => run.report.leave_out(format!("{name}: {peer}: {why}")),
            }
        }
    }
    report(run, &name, &ideal, &ours, peers, &theirs);
    Ok(())
}

/// By rate: a round that was cut has done only some of the records in its time.
fn report(
    run: &mut Run<'_>,
    name: &str,
    ideal: &Ideal,
    ours: &[Round],
    peers: &Peers,
    theirs: &[Vec<Round>],
) {
    if ours.is_empty() {
        return;
    }
    if ours.iter().any(|round| round.is_cut) {
        run.report
            .leave_out(format!("{name}: ours was cut at {CUT}x the ideal, and not run again"));
    }
    let best = Round { records: ideal.keys.len() as u64, seconds: ideal.seconds, is_cut: false };
    let mut case = Case::of_rates(name, ours, &[best]);
    let ours = median(ours.iter().map(Round::rate));
    for ((peer, _), rounds) in peers.iter().zip(theirs) {
        if rounds.is_empty() {
            continue;
        }
        if rounds.iter().any(|round| round.is_cut) {
            let told = format!("{name}: {peer} was cut at {CUT}x the ideal, and not run again");
            run.report.leave_out(told);
        }
        let theirs = median(rounds.iter().map(Round::rate));
        case.peers.insert((*peer).to_owned(), over(ours, theirs));
        case.raw.insert((*peer).to_owned(), serde_json::json!(rounds));
    }
    let detail = serde_json::json!({
        "hottest": ideal.hottest, "handler_ms": ideal.handler.as_secs_f64() * 1e3,
        "seconds": ideal.seconds,
    });
    case.raw.insert("ideal".into(), detail);
    run.report.cases.push(case);
}

/// Each key's last number, to see that it goes in order and one at a time.
type LastOfKeys = Arc<[std::sync::atomic::AtomicI64]>;
