//! `orderly replay`: what a topic has, read once more.

use std::{num::NonZeroU32, process::ExitCode, time::Instant};

use orderly_sdk::{Config, replay::ToTopic};
use serde_json::json;

use super::{Refused, print};
use crate::{
    args::{Output, ReplayArgs, ReplayCommand},
    demo::progress::Bars,
};

pub(super) async fn run(args: ReplayArgs, output: Output) -> Result<ExitCode, Refused> {
    let ReplayArgs { command, cluster } = args;
    let config = cluster
        .or_environment()
        .map_err(|why| Refused::usage(format!("replay reads a Kafka cluster's topic: {why}")))?;
    let ReplayCommand::ToTopic { source, target, rate, dry_run } = command;
    to_topic(&config, &source, &target, rate, dry_run, output).await
}

async fn to_topic(
    config: &Config,
    source: &str,
    target: &str,
    rate: Option<NonZeroU32>,
    is_dry: bool,
    output: Output,
) -> Result<ExitCode, Refused> {
    let replay = ToTopic::plan(config, source, target).await.map_err(|e| Refused::by(&e))?;
    let replay = replay.at_most(rate);
    let spans = replay.spans().to_vec();
    let offsets: u64 = spans.iter().map(|span| (span.to - span.from).unsigned_abs()).sum();
    let plan = json!({
        "source": source, "target": target, "partitions": spans, "offsets": offsets,
        "keeps_partitions": replay.keeps_partitions(),
    });
    if let Output::Table = output {
        let mut table = print::table(["partition", "from", "to", "offsets"]);
        for span in &spans {
            let count = span.to - span.from;
            table.add_row(
                [span.partition.into(), span.from, span.to, count].map(|n: i64| n.to_string()),
            );
        }
        print::line(table);
        if !replay.keeps_partitions() {
            print::line(format!(
                "{target} has other partitions than {source}: each key goes to its own, in order"
            ));
        }
    }
    if is_dry {
        match output {
            Output::Json => print::line(json!({ "plan": plan })),
            Output::Table => print::line(format!(
                "{offsets} offsets of {source} would be copied to {target}, but for what an earlier run did"
            )),
        }
        return Ok(ExitCode::SUCCESS);
    }
    let bars = Bars::new();
    let (bar, began) = (bars.count("copied", offsets), Instant::now());
    let copied = replay.run(|copied| bar.at(copied.offsets, None)).await;
    bars.clear();
    let copied = copied.map_err(|e| Refused::by(&e))?;
    let seconds = (began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    match output {
        Output::Json => {
            print::line(json!({ "plan": plan, "copied": copied, "seconds": seconds }));
        }
        Output::Table => print::line(format!(
            "{} records of {source} are in {target}, copied in {seconds:.1} s; {} transactions were \
             done again",
            copied.records, copied.aborted
        )),
    }
    Ok(ExitCode::SUCCESS)
}
