//! `orderly up`: every service in one process, until interrupted.

use std::process::ExitCode;

use metrics_exporter_prometheus::PrometheusHandle;
use orderly_sdk::topics::Topics;
use serde_json::json;

use super::Refused;
use crate::{
    args::{Output, UpArgs},
    platform::{Platform, PlatformError, Settings},
};

pub(super) async fn run(
    args: UpArgs,
    output: Output,
    topics: Topics,
    metrics: PrometheusHandle,
) -> Result<ExitCode, Refused> {
    let UpArgs { listen, members, stages } = args;
    let platform = Platform::start(Settings { topics, listen, members, stages, metrics })
        .await
        .map_err(|e| Refused::violation(&e))?;
    announce(&platform, output);
    stay(platform).await.map_err(|e| Refused::violation(&e))?;
    Ok(ExitCode::SUCCESS)
}

/// Says where everything is.
pub(super) fn announce(platform: &Platform, output: Output) {
    let (api, mailbox) = (platform.api, platform.mailbox_address);
    let (kafka, registry) = (&platform.config.bootstrap, &platform.config.registry);
    match output {
        Output::Json => println!(
            "{}",
            json!({
                "order_api": format!("http://{api}"),
                "mailbox": format!("http://{mailbox}/mailbox"),
                "kafka": kafka,
                "schema_registry": registry,
            })
        ),
        Output::Table => println!(
            "order-api        http://{api}          (POST /orders, GET /orders/{{id}}, \
             /openapi.json, /metrics)\n\
             mailbox          http://{mailbox}/mailbox\n\
             Kafka            {kafka}        (embedded)\n\
             schema registry  {registry} (embedded)\n\
             Embedded parts: nothing outlives this process. Ctrl-C stops it."
        ),
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

async fn interrupted() {
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
