//! `orderly demo`: orders through everything, and the proof.

use std::process::ExitCode;

use metrics_exporter_prometheus::PrometheusHandle;
use orderly_sdk::topics::Topics;

use super::{Refused, print, up};
use crate::{
    args::{DemoArgs, Output},
    demo::{Demo, Load, progress::Bars},
    platform::Settings,
};

pub(super) async fn run(
    args: DemoArgs,
    output: Output,
    topics: Topics,
    metrics: PrometheusHandle,
) -> Result<ExitCode, Refused> {
    let DemoArgs { orders, rate, members, from, format, serve, stages, fault } = args;
    let load = match (from, format) {
        (Some(path), Some(format)) => Load::Imported { path, format },
        _ => Load::Generated { orders, rate },
    };
    let settings =
        Settings { topics, listen: ([127, 0, 0, 1], 0).into(), members, stages, metrics };
    let violation = |error| Refused::violation(&error);
    let mut demo = tokio::select! {
        started = Demo::start(load, settings) => started.map_err(violation)?,
        () = up::interrupted() => return Ok(ExitCode::from(up::INTERRUPTED)),
    };
    eprintln!("Embedded broker, registry and databases: nothing outlives this process.");
    let bars = Bars::new();
    let ran = tokio::select! {
        ran = demo.run(&bars) => Some(ran),
        () = up::interrupted() => None,
    };
    bars.clear();
    let Some(ran) = ran else {
        demo.stop().await.map_err(violation)?;
        return Ok(ExitCode::from(up::INTERRUPTED));
    };
    ran.map_err(violation)?;
    if let Some(fault) = fault {
        let order_id = demo.suffer(fault).await.map_err(violation)?;
        eprintln!("{fault:?} happened to order {order_id}");
    }
    let report = demo.prove().await.map_err(violation)?;
    for line in demo.malformed() {
        eprintln!("{}:{}: {}", line.file, line.line, line.what);
    }
    match output {
        Output::Table => print::line(report.table()),
        Output::Json => {
            let json = serde_json::to_string(&report);
            print::line(json.map_err(|e| Refused::because(e.to_string()))?);
        }
    }
    if serve {
        let platform = demo.into_platform();
        eprintln!("{}", up::addresses(&platform, Output::Table));
        up::stay(platform).await.map_err(|e| Refused::violation(&e))?;
    } else {
        demo.stop().await.map_err(violation)?;
    }
    Ok(if report.is_proven() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
