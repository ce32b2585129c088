//! Typed events to a handler, against a bare poll loop that decodes the same.

mod bare;
mod ours;
mod work;

use std::time::Duration;

use orderly_sdk::consume::Limits;

use crate::{
    Error,
    args::Args,
    broker::{self, Broker},
    event::{Measured, PAYLOAD},
    keys::{Keys, Skew},
    load,
    ours::Set,
    report::{Case, Report},
    round,
    run::{Run, Side},
};
use work::Work;

/// Of a set that a handler does nothing with: some seconds for a bare loop.
const RECORDS: u64 = 1_200_000;
/// Of a set whose handler computes.
const COMPUTED: u64 = 40_000;
const KEYS: u32 = 100_000;
/// What the handler that computes takes for a record.
const COMPUTING: Duration = Duration::from_micros(50);
/// A round that takes longer is cut.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) async fn measure(args: &Args) -> Result<Report, Error> {
    let mut run = Run::begin(args)?;
    let broker = Broker::start(args, &mut run.report).await?;
    run.report.under("payload", format!("{PAYLOAD} B of Avro, the SDK's headers, lz4 batches"));
    run.report.under("keys", format!("{KEYS}, uniform"));
    run.report.under(
        "timed",
        "from the first record handled to the last, for both sides; joining the group is left out",
    );
    let nothing = Work::nothing();
    let mut sets: Vec<(i32, Set)> = Vec::new();
    for (name, partitions) in [("12 partitions", 12), ("1 partition", 1)] {
        if args.wants(name) {
            let set = set(&broker, "noop", partitions, RECORDS).await?;
            against_bare(&mut run, name, &set, Limits::default(), nothing, true).await?;
            sets.push((partitions, set));
        }
    }
    let name = "no-op, concurrency 1,000 against 1";
    if args.wants(name) {
        let set = match sets.into_iter().find(|(partitions, _)| *partitions == 12) {
            Some((_, set)) => set,
            None => set(&broker, "noop", 12, RECORDS).await?,
        };
        let side = |name, concurrency| {
            let (set, limits) = (set.clone(), Limits { concurrency, ..Limits::default() });
            Side::new(name, move |round| {
                let (set, limits) = (set.clone(), limits.clone());
                async move {
                    let group = format!("at-{}-{round}", limits.concurrency);
                    ours::round(&set, &group, limits, nothing, LIMIT).await
                }
            })
        };
        let sides = vec![side("concurrency 1,000", 1_000), side("concurrency 1", 1)];
        let rounds = run.turns(name, sides).await?;
        run.report.cases.push(Case::of_rates(name, &rounds[0], &rounds[1]).beside());
    }
    let computing = "50 µs of computing";
    if args.wants(computing) {
        let set = set(&broker, "cpu", 12, COMPUTED).await?;
        let work = Work::of(COMPUTING);
        for concurrency in [Limits::default().concurrency, 1_000] {
            let name = format!("{computing}, concurrency {concurrency}");
            let limits = Limits { concurrency, ..Limits::default() };
            against_bare(&mut run, &name, &set, limits, work, false).await?;
        }
    }
    run.end()
}

/// A topic of its own with so many records.
async fn set(broker: &Broker, kind: &str, partitions: i32, records: u64) -> Result<Set, Error> {
    eprintln!("putting {records} records into {partitions} partitions");
    let config = broker.config(&format!("{kind}{partitions}"));
    broker::create_topic(&config, partitions).await?;
    let encoders = broker.encoders(&config).await?;
    let events = Keys::new(KEYS, Skew::Uniform)
        .zip(0..records)
        .map(|(key, number)| Measured::new(key, number, 1_800_000_000_000_000));
    let records = load::load(&config, encoders, events).await?;
    Ok(Set { config, partitions, records })
}

async fn against_bare(
    run: &mut Run<'_>,
    name: &str,
    set: &Set,
    limits: Limits,
    work: Work,
    counts: bool,
) -> Result<(), Error> {
    let concurrency = limits.concurrency;
    let group = move |side: &str, concurrency: usize, round: u32| {
        format!("{side}-{concurrency}-{}-{round}", u8::from(counts))
    };
    let ours = {
        let set = set.clone();
        Side::new("ours", move |round| {
            let (set, limits) = (set.clone(), limits.clone());
            let group = group("ours", limits.concurrency, round);
            async move { ours::round(&set, &group, limits, work, LIMIT).await }
        })
    };
    let bare = |name: &'static str, properties: &'static bare::Properties| {
        let set = set.clone();
        Side::new(name, move |round| {
            let (set, group) = (set.clone(), group(name, concurrency, round));
            async move {
                let polling = move || bare::round(&set, &group, properties, work, LIMIT);
                tokio::task::spawn_blocking(polling).await?
            }
        })
    };
    let sides = vec![ours, bare("bare-tuned", &bare::TUNED), bare("bare-alike", &bare::ALIKE)];
    let rounds = run.turns(name, sides).await?;
    // The limit is the faster one.
    let limit = if round::rate(&rounds[1]) >= round::rate(&rounds[2]) { 1 } else { 2 };
    let mut case = Case::of_rates(name, &rounds[0], &rounds[limit]);
    for (name, rounds) in ["bare-tuned", "bare-alike"].iter().zip(&rounds[1..]) {
        case.raw.insert((*name).into(), serde_json::json!(rounds));
    }
    run.report.cases.push(if counts { case } else { case.beside() });
    Ok(())
}
