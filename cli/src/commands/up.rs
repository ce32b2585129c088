//! `orderly up`: every service in one process, until interrupted.

use std::process::ExitCode;

use metrics_exporter_prometheus::PrometheusHandle;
use orderly_sdk::topics::Topics;
use serde_json::json;

use super::{Refused, print};
use crate::{
    args::{Output, UpArgs},
    parts,
    platform::{Platform, PlatformError, Settings},
};

/// As a shell tells of Ctrl-C.
pub(super) const INTERRUPTED: u8 = 130;

pub(super) async fn run(
    args: UpArgs,
    output: Output,
    topics: Topics,
    metrics: PrometheusHandle,
) -> Result<ExitCode, Refused> {
    let UpArgs { listen, members, stages, cluster, database } = args;
    let parts = parts::by_flags(cluster, database).map_err(Refused::usage)?;
    let starting = Platform::start(Settings { topics, listen, members, stages, metrics, parts });
    let platform = tokio::select! {
        started = starting => started.map_err(|e| Refused::violation(&e))?,
        () = interrupted() => return Ok(ExitCode::from(INTERRUPTED)),
    };
    print::line(addresses(&platform, output));
    stay(platform).await.map_err(|e| Refused::violation(&e))?;
    Ok(ExitCode::SUCCESS)
}

/// Where everything is.
pub(super) fn addresses(platform: &Platform, output: Output) -> String {
    let (api, mailbox) = (platform.api, platform.mailbox_address);
    let (kafka, registry) = (&platform.config.bootstrap, &platform.config.registry);
    match output {
        Output::Json => json!({
            "order_api": format!("http://{api}"),
            "mailbox": format!("http://{mailbox}/mailbox"),
            "kafka": kafka,
            "schema_registry": registry,
            "embedded": platform.is_embedded(),
        })
        .to_string(),
        Output::Table => {
            let (embedded, note) = if platform.is_embedded() {
                ("  (embedded)", "Embedded parts: nothing outlives this process. Ctrl-C stops it.")
            } else {
                ("", "Ctrl-C stops it.")
            };
            format!(
                "order-api        http://{api}  (POST /orders, GET /orders/{{id}}, /openapi.json, /metrics)\n\
             mailbox          http://{mailbox}/mailbox\n\
             Kafka            {kafka}{embedded}\n\
             schema registry  {registry}{embedded}\n\
             {note}"
            )
        }
    }
}

/// Until interrupted or terminated, or a service fails.
pub(super) async fn stay(platform: Platform) -> Result<(), PlatformError> {
    tokio::select! {
        () = interrupted() => {}
        why = platform.failure() => tracing::error!(why, "a service failed"),
    }
    platform.stop().await
}

pub(super) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
