//! ruststream-rdkafka with lanes by record key: reads a topic, waits for each record, prints how many
//! it did in how many seconds, from the first record's begin to the last one's end.
//!
//! The value isn't decoded, which is in its favour. Acknowledgements are tracked, as a service that
//! must not lose a record would have it.

use std::{
    num::NonZeroUsize,
    process::ExitCode,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ruststream_rdkafka::prelude::*;
use tokio::sync::Notify;

const FIRST: Duration = Duration::from_secs(45);

#[derive(Deserialized)]
struct Bytes<'a>(#[allow(dead_code)] &'a [u8]);

struct Progress {
    wait: Duration,
    records: u64,
    done: AtomicU64,
    begun: OnceLock<Instant>,
    ended: OnceLock<Instant>,
    first: Notify,
    all: Notify,
}

#[derive(Clone)]
struct Waiting(Arc<Progress>);

impl<'a> Handle<Bytes<'a>> for Waiting {
    async fn handle(
        &self,
        _: &Bytes<'a>,
        _: &(),
        _: &mut Context<'_>,
    ) -> Result<(), HandlerOutcome> {
        let progress = &self.0;
        if progress.begun.get().is_none() {
            progress.begun.get_or_init(Instant::now);
            progress.first.notify_one();
        }
        tokio::time::sleep(progress.wait).await;
        if progress.done.fetch_add(1, Ordering::AcqRel) + 1 == progress.records {
            progress.ended.get_or_init(Instant::now);
            progress.all.notify_one();
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [bootstrap, topic, group, records, concurrency, wait, limit] =
        args.try_into().map_err(|_| "usage: BOOTSTRAP TOPIC GROUP RECORDS CONCURRENCY WAIT_US LIMIT_MS")?;
    let limit = Duration::from_millis(limit.parse()?);
    let lanes: NonZeroUsize = concurrency.parse()?;
    let progress = Arc::new(Progress {
        wait: Duration::from_micros(wait.parse()?),
        records: records.parse()?,
        done: AtomicU64::new(0),
        begun: OnceLock::new(),
        ended: OnceLock::new(),
        first: Notify::new(),
        all: Notify::new(),
    });
    let source = KafkaTopic::new(topic.clone())
        .group(group)
        .start(StartOffset::Earliest)
        .commit(Commit::Tracked)
        .lane_key(LaneKey::RecordKey);
    let handler = Waiting(Arc::clone(&progress));
    let app = RustStream::new(AppInfo::new("peer", "0.1.0")).with_broker(
        KafkaBroker::new([bootstrap]),
        move |b| {
            b.include(
                subscriber(topic, handler).workers_by_key(lanes).build().map_source(move |_| source),
            );
        },
    );
    let running = app.start().await?;
    tokio::time::timeout(FIRST, progress.first.notified()).await.map_err(|_| "no record came")?;
    // Ended or late: what it came to is what is printed.
    let _ = tokio::time::timeout(limit, progress.all.notified()).await;
    let begun = progress.begun.get().ok_or("no record came")?;
    let seconds = match progress.ended.get() {
        Some(ended) => *ended - *begun,
        None => begun.elapsed(),
    };
    let done = progress.done.load(Ordering::Acquire).min(progress.records);
    println!("{{\"records\":{done},\"seconds\":{}}}", seconds.as_secs_f64());
    // What it would still do and commit isn't asked for.
    drop(running);
    std::process::exit(0);
}
