//! Typed events, all acknowledged, against a bare producer of the same keys, values and headers.

mod bare;
mod ours;

use std::sync::Arc;

use orderly_sdk::Config;

use crate::{
    Error,
    args::Args,
    broker::{self, Broker},
    event::{Measured, PAYLOAD, TOPIC},
    keys::{Keys, Skew},
    report::{Case, Report},
    run::{Run, Side},
};

/// Records of a round.
const RECORDS: u64 = 300_000;
/// Events that are made before, and emitted again and again.
const EVENTS: usize = 20_000;
const KEYS: u32 = 10_000;
const PARTITIONS: i32 = 12;

/// What both sides do in a round.
#[derive(Clone)]
struct Job {
    config: Config,
    events: Arc<[Measured]>,
    linger: u64,
}

impl Job {
    /// What a round emits.
    fn of_a_round(&self) -> impl Iterator<Item = &Measured> {
        self.events.iter().cycle().zip(0..RECORDS).map(|(event, _)| event)
    }
}

pub(crate) async fn measure(args: &Args) -> Result<Report, Error> {
    let mut run = Run::begin(args)?;
    let broker = Broker::start(args, &mut run.report).await?;
    run.report.under("payload", format!("{PAYLOAD} B of Avro, encoded in the round; 7 headers"));
    run.report.under("keys", format!("{KEYS}, uniform, over {PARTITIONS} partitions"));
    run.report.under("acks", "all, idempotent; lz4; a record's outcome is looked at on both sides");
    run.report.under("timed", "from the first send to the last acknowledgement; connected before");
    let events = Keys::new(KEYS, Skew::Uniform)
        .zip(0..)
        .take(EVENTS)
        .map(|(key, number)| Measured::new(key, number, 1_800_000_000_000_000));
    let events: Arc<[Measured]> = events.collect();
    for linger in [5, 0] {
        let name = format!("linger {linger} ms");
        if !args.wants(&name) {
            continue;
        }
        let config = broker.config(&format!("linger{linger}"));
        broker::create_topic(&config, PARTITIONS).await?;
        let encoders = broker.encoders(&config).await?;
        let job = Job { config, events: Arc::clone(&events), linger };
        // A broker compiles what it does often: neither side is to wait for that.
        let warming = job.clone();
        tokio::task::spawn_blocking(move || bare::round(&warming)).await??;
        let ours = Side::new("ours", |_| {
            let (job, encoders) = (job.clone(), encoders.clone());
            async move {
                // On a worker's thread, as a service would.
                let emitting = tokio::spawn(async move { ours::round(&job, encoders).await });
                emitting.await?
            }
        });
        let bare = Side::new("bare", |_| {
            let job = job.clone();
            async move { tokio::task::spawn_blocking(move || bare::round(&job)).await? }
        });
        let rounds = run.turns(&name, vec![ours, bare]).await?;
        check(&job.config, 1 + rounds.iter().map(Vec::len).sum::<usize>()).await?;
        let case = Case::of_rates(&name, &rounds[0], &rounds[1]);
        run.report.cases.push(if linger > 0 { case } else { case.beside() });
    }
    run.end()
}

/// Everything that was acknowledged is there, once.
async fn check(config: &Config, rounds: usize) -> Result<(), Error> {
    let found = broker::records(config, TOPIC, PARTITIONS).await?;
    // One more a round: it opens the connection before the time runs.
    let expected = rounds as u64 * (RECORDS + 1);
    if found == expected {
        return Ok(());
    }
    Err(format!("{expected} records were acknowledged, and {found} are in the topic").into())
}
