//! One slow key with a backlog: what it does to the others, who come at half of what can be done,
//! whether they are answered or not. A latency counts from when a record was to be sent.

mod emit;
mod handler;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use orderly_sdk::consume::Limits;
use serde_json::json;

use crate::{
    Error,
    args::Args,
    broker::{self, Broker},
    event::PAYLOAD,
    load::Loader,
    open_loop::{Latencies, until},
    ours::{Member, Set},
    report::{Case, Report},
    round::{median, over},
    run::Run,
};
use emit::{OTHER_KEYS, emit_backlog, emit_others, emit_warm_up};
use handler::Handling;

const PARTITIONS: i32 = 12;
const CONCURRENCY: usize = 100;
/// Records of the hot key, a second each: as long as the others come.
const BACKLOG: u64 = 20;
const OTHERS_COME: Duration = Duration::from_secs(20);
/// After the last of the others was sent; then what isn't done counts as done only now.
const PATIENCE: Duration = Duration::from_secs(20);
const JOINING: Duration = Duration::from_secs(60);

pub(crate) async fn measure(args: &Args) -> Result<Report, Error> {
    let mut run = Run::begin(args)?;
    let broker = Broker::start(args, &mut run.report).await?;
    let takes = handler::time().await?;
    #[allow(clippy::cast_precision_loss, reason = "a hundred")]
    let rate = CONCURRENCY as f64 / takes.as_secs_f64() / 2.0;
    run.report.under("payload", format!("{PAYLOAD} B of Avro, the SDK's headers, lz4 batches"));
    run.report.under("keys", format!("{OTHER_KEYS} others, uniform, over {PARTITIONS} partitions"));
    run.report.under("concurrency", CONCURRENCY);
    run.report.under(
        "load",
        format!(
            "{rate:.0}/s for {} s: half of {CONCURRENCY} at once at {:.2} ms each; the hot key has \
             {BACKLOG} records of 1 s before it begins",
            OTHERS_COME.as_secs(),
            takes.as_secs_f64() * 1e3
        ),
    );
    run.report.under("timed", "from when a record was to be sent until its handler returns");
    let name = "p99 of the others";
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let mut is_kept_up_with = true;
    for number in 0..args.rounds {
        // Each first in every other round.
        for turn in 0..2 {
            let is_hot = (number + turn) % 2 == 0;
            if !run.budget.has(OTHERS_COME + PATIENCE) {
                run.report.leave_out(format!("round {} and later, time was up", number + 1));
                break;
            }
            let side = if is_hot { "with" } else { "without" };
            let config = broker.config(&format!("hot-{number}-{side}"));
            let round = round(&broker, config, is_hot, rate).await;
            let round = round.map_err(|why| format!("{side} the hot key: {why}"))?;
            let Latencies { p50, p99, highest, records, undone } = round;
            eprintln!(
                "{side} the hot key: p50 {p50:.2} ms, p99 {p99:.2} ms, highest {highest:.2} ms, \
                 {records} records, {undone} undone"
            );
            run.raw.line(&json!({
                "case": name, "side": side, "p50_ms": p50, "p99_ms": p99, "highest_ms": highest,
                "records": records, "undone": undone,
            }))?;
            if undone > 0 {
                is_kept_up_with &= is_hot;
                run.report.leave_out(format!(
                    "{side} the hot key: {undone} records weren't done {} s after the last was sent",
                    PATIENCE.as_secs()
                ));
            }
            (if is_hot { &mut with } else { &mut without }).push(p99);
        }
    }
    let [ours, limit] = [&with, &without].map(|p99| median(p99.iter().copied()));
    run.report.cases.push(Case {
        name: name.into(),
        unit: "ms",
        ours,
        limit,
        ratio: over(ours, limit),
        counts: is_kept_up_with,
        peers: std::collections::BTreeMap::new(),
        raw: [("with".into(), json!(with)), ("without".into(), json!(without))].into(),
    });
    if !is_kept_up_with {
        run.report.leave_out(
            "the ratio: the load isn't kept up with even without the hot key, and two queues that grow \
             say nothing of it",
        );
    }
    run.end()
}

async fn round(
    broker: &Broker,
    config: orderly_sdk::Config,
    is_hot: bool,
    rate: f64,
) -> Result<Latencies, Error> {
    broker::create_topic(&config, PARTITIONS).await?;
    let encoders = broker.encoders(&config).await?;
    let loader = Arc::new(Loader::new(&config, encoders, "1")?);
    let set = Set { config, partitions: PARTITIONS, records: 0 };
    let limits = Limits { concurrency: CONCURRENCY, ..Limits::default() };
    let handler = Handling::default();
    let Handling { is_hot_at_work, seen } = handler.clone();
    let member = Member::join(&set, "ours", limits, handler).await?;
    // Every partition is read, and every part has been used, before anything is measured.
    let warm = emit_warm_up(&loader).await?;
    until(JOINING, || seen.warm() >= warm).await.ok_or("no record came")?;
    if is_hot {
        emit_backlog(&loader, BACKLOG).await?;
        let is_at_work = until(JOINING, || is_hot_at_work.load(Ordering::Acquire)).await;
        is_at_work.ok_or("the hot key's records don't come")?;
    }
    let sent = emit_others(&loader, rate, OTHERS_COME).await?;
    // What isn't done by then is told.
    let _ = until(PATIENCE, || seen.measured() >= sent).await;
    let latencies = seen.latencies(sent, PATIENCE)?;
    member.leave().await?;
    Ok(latencies)
}
