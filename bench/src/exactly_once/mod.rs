//! Typed events from one topic into another, each changed by a handler: exactly once, by ours and by
//! Kafka Streams, and at least once by ours.

mod at_least_once;
mod committed;
mod copied;
mod streams;
mod transactional;

use std::{sync::Arc, time::Duration};

use orderly_sdk::{Event as _, codec::Encoders, consume::Limits};
use serde_json::json;

use crate::{
    Error,
    args::Args,
    broker::{self, Broker},
    checking,
    event::{Measured, PAYLOAD, TOPIC},
    keys::{Keys, Skew},
    load,
    ours::{self, Member},
    peers::Jvm,
    report::{Case, Report},
    round::{Round, over, rate},
    run::{Run, Side},
    waiting::handler_time,
};
use committed::Committed;
use copied::Copied;

const PARTITIONS: i32 = 12;
const KEYS: u32 = 1_000;
/// As Kafka Streams has it for exactly once where nobody says otherwise.
const COMMITS_EVERY: Duration = Duration::from_millis(100);
/// Ours.
const CONCURRENCY: usize = 1_000;
const WAIT: Duration = Duration::from_millis(5);
/// Some seconds' each.
const RECORDS: u64 = 400_000;
const WAITED: u64 = 100_000;
const WAITED_BY_THREADS: u64 = 24_000;
/// Kafka Streams has a thread for each partition at most; without waiting the best of these is taken.
const TRIED: [u32; 3] = [1, 2, 4];
const MOST_THREADS: u32 = 12;
/// A round that takes longer is cut.
const LIMIT: Duration = Duration::from_secs(30);
const PEER: &str = "Kafka Streams 4.3.1";
const ONCE: &str = "exactly once";
const AT_LEAST_ONCE: &str = "at least once";

/// Records to be copied.
#[derive(Clone)]
struct Set {
    of: ours::Set,
    encoders: Encoders,
}

/// What the handler does.
#[derive(Clone, Copy)]
struct Work {
    name: &'static str,
    wait: Duration,
    records: u64,
    /// Of a peer that does fewer at once.
    peers_records: u64,
}

const NOTHING: Work =
    Work { name: "no work", wait: Duration::ZERO, records: RECORDS, peers_records: RECORDS };
const WAITING: Work =
    Work { name: "5 ms of waiting", wait: WAIT, records: WAITED, peers_records: WAITED_BY_THREADS };

pub(crate) async fn measure(args: &Args) -> Result<Report, Error> {
    let jvm = if args.no_peers { None } else { Some(Jvm::streams().await) };
    let mut run = Run::begin(args)?;
    let broker = Broker::start(args, &mut run.report).await?;
    let jvm = match jvm {
        None => None,
        Some(Ok(jvm)) => Some(Arc::new(jvm)),
        Some(Err(why)) => {
            run.report.leave_out(format!("{PEER}: it can't be built here: {why}"));
            None
        }
    };
    run.report.under("payload", format!("{PAYLOAD} B of Avro in and out, lz4 batches"));
    run.report.under("keys", format!("{KEYS}, uniform, {PARTITIONS} partitions into {PARTITIONS}"));
    run.report.under("commits", format!("every {} ms, all sides", COMMITS_EVERY.as_millis()));
    run.report.under("concurrency", format!("{CONCURRENCY}, ours"));
    run.report.under(
        "timed",
        "from the first commit of the group that is seen to that of the last record; then each is \
         looked for in what read_committed sees, once and in its key's order",
    );
    for work in [NOTHING, WAITING] {
        if args.wants(work.name) {
            case(&mut run, &broker, jvm.as_ref(), work).await?;
        }
    }
    run.end()
}

async fn case(
    run: &mut Run<'_>,
    broker: &Broker,
    jvm: Option<&Arc<Jvm>>,
    work: Work,
) -> Result<(), Error> {
    let set = Set::make(broker, work.records).await?;
    let time = if work.wait.is_zero() { work.wait } else { handler_time(work.wait).await? };
    let mut names = vec![ONCE, AT_LEAST_ONCE];
    let (once, least) = (set.clone(), set.clone());
    let mut sides = vec![
        Side::new(ONCE, move |number| transactional::round(once.clone(), number, work.wait)),
        Side::new(AT_LEAST_ONCE, move |number| {
            at_least_once::round(least.clone(), number, work.wait)
        }),
    ];
    if let Some(jvm) = jvm {
        let set = match work.peers_records {
            all if all == work.records => set,
            fewer => Set::make(broker, fewer).await?,
        };
        let threads = match work.wait {
            Duration::ZERO => best(run, jvm, &set).await?,
            _ => Some(MOST_THREADS),
        };
        if let Some(threads) = threads {
            run.report.under(
                &format!("{PEER}, {}", work.name),
                format!("exactly_once_v2, {threads} threads, {:.2} ms", time.as_secs_f64() * 1e3),
            );
            names.push(PEER);
            let jvm = Arc::clone(jvm);
            let side = Side::new(PEER, move |number| {
                streams::round(Arc::clone(&jvm), set.clone(), number, threads, time)
            });
            sides.push(side.of_peer());
        }
    }
    let rounds = run.turns(work.name, sides).await?;
    let of = |name| {
        let at = names.iter().position(|known| *known == name);
        at.and_then(|at| rounds.get(at)).filter(|rounds| !rounds.is_empty())
    };
    if let (Some(ours), Some(theirs)) = (of(ONCE), of(PEER)) {
        let mut case = Case::of_rates(work.name, ours, theirs);
        case.peers.insert(PEER.into(), over(rate(ours), rate(theirs)));
        run.report.cases.push(if work.wait.is_zero() { case } else { case.beside() });
    }
    if let (Some(ours), Some(limit)) = (of(ONCE), of(AT_LEAST_ONCE)) {
        let name = format!("{}, against at least once", work.name);
        run.report.cases.push(Case::of_rates(&name, ours, limit).beside());
    }
    if let (Some(ours), Some(theirs)) = (of(AT_LEAST_ONCE), of(PEER)) {
        let name = format!("{}, at least once", work.name);
        run.report.cases.push(Case::of_rates(&name, ours, theirs).beside());
    }
    Ok(())
}

/// With how many threads Kafka Streams does most; none where it fails.
async fn best(run: &mut Run<'_>, jvm: &Arc<Jvm>, set: &Set) -> Result<Option<u32>, Error> {
    let mut best: Option<(u32, f64)> = None;
    for (threads, number) in TRIED.into_iter().zip(100..) {
        let tried = streams::round(Arc::clone(jvm), set.clone(), number, threads, Duration::ZERO);
        match tried.await {
            Ok(round) => {
                run.raw.round("threads", &format!("{PEER}, {threads}"), &round, None)?;
                if best.is_none_or(|(_, most)| round.rate() > most) {
                    best = Some((threads, round.rate()));
                }
            }
            Err(why) => run.report.leave_out(format!("{PEER}, {threads} threads: {why}")),
        }
    }
    run.report.more.insert("streams_threads".into(), json!(best.map(|(threads, _)| threads)));
    Ok(best.map(|(threads, _)| threads))
}

impl Set {
    /// Topics of its own, with so many records in the one that is read.
    async fn make(broker: &Broker, records: u64) -> Result<Self, Error> {
        eprintln!("putting {records} records into {PARTITIONS} partitions");
        let config = broker.config(&format!("copy-{records}"));
        // The peer's first run writes beside.
        let topics = [TOPIC, Copied::TOPIC, "copied-warm-up"].map(ToOwned::to_owned);
        broker::create(&config, &topics, PARTITIONS).await?;
        broker::create_group(&config, checking::GROUP, PARTITIONS).await?;
        let declared = Encoders::of("orderly-bench").event::<Measured>().event::<Copied>();
        let encoders = broker::register(&config, declared).await?;
        let events = Keys::new(KEYS, Skew::Uniform)
            .zip(0..records)
            .map(|(key, number)| Measured::new(key, number, 1_800_000_000_000_000));
        let records = load::load(&config, encoders.clone(), events).await?;
        Ok(Self { of: ours::Set { config, partitions: PARTITIONS, records }, encoders })
    }

    /// One of ours that nobody was before.
    async fn group(&self, side: &str, number: u32) -> Result<String, Error> {
        let group = format!("{side}-{number}");
        broker::create_group(&self.of.config, &group, PARTITIONS).await?;
        Ok(group)
    }

    fn limits() -> Limits {
        Limits { concurrency: CONCURRENCY, commit_interval: COMMITS_EVERY, ..Limits::default() }
    }

    /// Until `member`, alone in its group, has copied all.
    async fn until_all(&self, group: &str, member: Member) -> Result<Round, Error> {
        let round = self.until_all_of(group).await;
        member.leave().await?;
        let round = round?;
        self.check(&round).await?;
        Ok(round)
    }

    async fn until_all_of(&self, group: &str) -> Result<Round, Error> {
        let ours::Set { config, partitions, records } = &self.of;
        let [group, topic] = [group, TOPIC].map(|name| broker::there(config, name));
        let committed = Committed::of(&config.bootstrap, &group, &topic, *partitions)?;
        committed.until_all(*records, LIMIT).await
    }

    /// What was copied since it was looked at last is all of the set, once.
    async fn check(&self, round: &Round) -> Result<(), Error> {
        if round.is_cut {
            return Err("it was cut: what was copied can't be told from what comes next".into());
        }
        checking::read::<Copied>(&self.of, KEYS).await
    }
}
