//! `orderly apply`: the topics and schemas that are missing in a cluster and its registry.

use std::process::ExitCode;

use orderly_sdk::topics::Topics;

use super::{Refused, print};
use crate::{
    apply::{Copies, Plan},
    args::{ApplyArgs, Output},
};

pub(super) async fn run(
    args: ApplyArgs,
    output: Output,
    topics: &Topics,
) -> Result<ExitCode, Refused> {
    let ApplyArgs { strict_replication, cluster } = args;
    let config = cluster.or_environment().map_err(Refused::usage)?;
    let copies = if strict_replication { Copies::AsAsked } else { Copies::AsManyAsGo };
    let plan = Plan::make(&config, topics, copies).await.map_err(|e| Refused::by(&e))?;
    let report = plan.carry_out().await;
    for warning in &report.warnings {
        eprintln!("warning: {warning}");
    }
    for failed in &report.failed {
        eprintln!("orderly: {failed}");
    }
    match output {
        Output::Table => print::line(report.text()),
        Output::Json => {
            let json = serde_json::to_string(&report);
            print::line(json.map_err(|e| Refused::because(e.to_string()))?);
        }
    }
    Ok(match (report.failed.is_empty(), report.is_away) {
        (true, _) => ExitCode::SUCCESS,
        (false, false) => ExitCode::from(1),
        (false, true) => ExitCode::from(3),
    })
}
