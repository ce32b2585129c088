//! `orderly run SERVICE`: one service, until it is told to end.

use std::process::ExitCode;

use metrics_exporter_prometheus::PrometheusHandle;
use orderly_sdk::topics::Topics;
use orderly_stores::Database;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Refused, print, up};
use crate::{
    args::{Output, PartsArgs, ServiceArgs},
    run::{self, Bound, Common},
};

pub(super) async fn run(
    service: ServiceArgs,
    output: Output,
    topics: Topics,
    metrics: PrometheusHandle,
) -> Result<ExitCode, Refused> {
    if let Some(callers) = service.callers() {
        callers.file().map_err(Refused::usage)?;
    }
    run::check(&service).map_err(Refused::usage)?;
    let PartsArgs { cluster, database } = service.parts();
    let config = cluster.or_environment().map_err(Refused::usage)?;
    let url = database.or_environment().map_err(Refused::usage)?;
    let database = Database::open(&url).map_err(|e| Refused::violation(&e))?;
    let name = service.name();
    let bound = Bound::of(service).await.map_err(|e| Refused::violation(&e))?;
    let (own, ops) = bound.addresses();
    match output {
        Output::Json => print::line(json!({
            "service": name,
            "listen": own.map(|at| format!("http://{at}")),
            "ops": ops.map(|at| format!("http://{at}")),
        })),
        Output::Table => {
            if let Some(own) = own {
                print::line(format_args!("{name}  http://{own}"));
            }
            if let Some(ops) = ops {
                print::line(format_args!("{name}  http://{ops}  (/healthz, /readyz, /metrics)"));
            }
        }
    }
    let shutdown = CancellationToken::new();
    let told = shutdown.clone();
    tokio::spawn(async move {
        up::interrupted().await;
        told.cancel();
    });
    let common = Common { config, database, topics, metrics };
    bound.run(common, shutdown).await.map_err(|e| Refused::violation(&e))?;
    Ok(ExitCode::SUCCESS)
}
