//! Commits at a set rate, each of an effect and an event: how long until a consumer has the event.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use orderly_sdk::consume::Limits;
use serde::Serialize;
use serde_json::json;

use super::{
    Job, PEER, Place,
    arrivals::Arrivals,
    commits::{Committer, WARM_UP},
    relay::{Relay, Tuned},
};
use crate::{
    Error,
    open_loop::{Latencies, until},
    ours::Member,
    report::Case,
    round::{Round, median, over},
    run::{Run, Side},
};

/// Commits a second.
const RATE: u32 = 1_000;
const TIME: Duration = Duration::from_secs(10);
const COUNT: u64 = RATE as u64 * TIME.as_secs();
/// After the last was to be committed; then what didn't come counts as coming only now.
const PATIENCE: Duration = Duration::from_secs(10);
const STARTING: Duration = Duration::from_secs(60);
const NAME: &str = "p50 from commit to consumer";
/// Milliseconds.
const GOAL: f64 = 10.0;

/// One round's, by when counting begins.
#[derive(Clone, Copy, Serialize)]
struct Both {
    /// When the commit was due, whatever the database had to do before it.
    since_due: Latencies,
    /// When it was asked for.
    since_commit: Latencies,
}

type Kept = Arc<Mutex<Vec<Both>>>;

pub(super) async fn measure(run: &mut Run<'_>, job: &Job, relays: &[Relay]) -> Result<(), Error> {
    if !run.args.wants(NAME) {
        return Ok(());
    }
    run.report.under(
        "load",
        format!(
            "{RATE} commits/s for {} s, of a row and an event each; counted from when each was due",
            TIME.as_secs()
        ),
    );
    let (mut sides, mut kept) = (Vec::new(), Vec::new());
    for relay in relays {
        let of_side = Kept::default();
        kept.push(Arc::clone(&of_side));
        let (job, relay, name) = (job.clone(), relay.clone(), relay.name());
        let is_peer = matches!(relay, Relay::Debezium(_));
        let side = Side::new(name, move |number| {
            let (job, relay, kept) = (job.clone(), relay.clone(), Arc::clone(&of_side));
            async move {
                let both = round(&job, &relay, number).await?;
                let Both { since_due: due, since_commit: commit } = both;
                eprintln!(
                    "{name}: p50 {:.2} ms, p99 {:.2} ms, {} undone; since its commit {:.2}, {:.2}",
                    due.p50, due.p99, due.undone, commit.p50, commit.p99
                );
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(both);
                let seconds = TIME.as_secs_f64();
                Ok(Round { records: due.records - due.undone, seconds, is_cut: due.undone > 0 })
            }
        });
        sides.push(if is_peer { side.of_peer() } else { side });
    }
    run.turns(NAME, sides).await?;
    let of = |at: usize| {
        kept.get(at).map(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner).clone())
    };
    let (ours, theirs) = (of(0).unwrap_or_default(), of(1).unwrap_or_default());
    let middle = |rounds: &[Both], of: fn(&Both) -> f64| median(rounds.iter().map(of));
    let p50 = middle(&ours, |both| both.since_due.p50);
    for (name, value) in [
        ("p50_ms", p50),
        ("p99_ms", middle(&ours, |both| both.since_due.p99)),
        ("p50_since_commit_ms", middle(&ours, |both| both.since_commit.p50)),
        ("p99_since_commit_ms", middle(&ours, |both| both.since_commit.p99)),
    ] {
        run.report.more.insert(name.into(), json!(value));
    }
    let (mut peers, mut raw) = (BTreeMap::new(), BTreeMap::new());
    raw.insert("ours".into(), json!(ours));
    if !theirs.is_empty() {
        // Above 1, ours is ahead, as everywhere.
        peers.insert(PEER.into(), over(middle(&theirs, |both| both.since_due.p50), p50));
        raw.insert(PEER.into(), json!(theirs));
    }
    run.report.cases.push(Case {
        name: format!("{NAME}, {RATE}/s"),
        unit: "ms",
        ours: p50,
        limit: GOAL,
        ratio: over(GOAL, p50),
        counts: true,
        peers,
        raw,
    });
    Ok(())
}

async fn round(job: &Job, relay: &Relay, number: u32) -> Result<Both, Error> {
    let place = Place::make(job, relay, "latency", number).await?;
    let arrivals = Arrivals::of(COUNT);
    let member =
        Member::join(&place.set(0), "watching", Limits::default(), arrivals.clone()).await?;
    let committer = Committer::ready(relay, &place).await?;
    let running = relay.start(&place, Tuned::Latency).await?;
    let measured = committing(&committer, &arrivals).await;
    member.leave().await?;
    running.end().await?;
    measured
}

async fn committing(committer: &Arc<Committer>, arrivals: &Arrivals) -> Result<Both, Error> {
    // Every partition is read, and every part has been used, before anything is measured.
    committer.warm_up().await?;
    until(STARTING, || arrivals.warm() >= WARM_UP).await.ok_or("nothing came")?;
    let commits = committer.at_rate(RATE, COUNT).await?;
    // What doesn't come is told.
    let _ = until(PATIENCE, || arrivals.measured() >= COUNT).await;
    let of = |times: Vec<i64>| {
        let micros = arrivals.since(times.into_iter())?;
        Latencies::with_undone(micros, COUNT, PATIENCE)
    };
    Ok(Both {
        since_due: of(commits.iter().map(|commit| commit.due_at).collect())?,
        since_commit: of(commits.iter().map(|commit| commit.asked_at).collect())?,
    })
}
