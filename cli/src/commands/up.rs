//! `orderly up`: every service in one process, until interrupted.

use std::{process::ExitCode, sync::Arc};

use fulfilment::Rules;
use metrics_exporter_prometheus::PrometheusHandle;
use orderly_schemas::StockCounted;
use orderly_sdk::{Config, Event as _, kafka::Probe, record::TopicPartition, topics::Topics};
use serde_json::json;

use super::{Refused, print};
use crate::{
    args::{Output, UpArgs},
    demo::{Keepers, keep_shop},
    parts,
    platform::{Platform, PlatformError, PricesFrom, Settings},
};

/// As a shell tells of Ctrl-C.
pub(super) const INTERRUPTED: u8 = 130;

pub(super) async fn run(
    args: UpArgs,
    output: Output,
    topics: Topics,
    metrics: PrometheusHandle,
) -> Result<ExitCode, Refused> {
    let UpArgs {
        listen,
        anonymous,
        members,
        stages,
        cancel_within,
        speed_up,
        cluster,
        database,
        redis,
    } = args;
    let redis = redis.by_flag(&cluster.prefix).map_err(Refused::usage)?;
    let parts = parts::by_flags(cluster, database).map_err(Refused::usage)?;
    if !anonymous && (parts.is_some() || !listen.ip().is_loopback()) {
        return Err(Refused::usage(
            "`up` lets everybody in, and others could come in here: say --anonymous if that is meant; \
             with keys, run the services one by one (docs/run.md)",
        ));
    }
    let rules = Rules { cancel_within, ..Rules::new(stages.sped_up(speed_up)) };
    let prices = PricesFrom::Catalogue;
    let settings = Settings { topics, listen, members, rules, prices, metrics, parts, redis };
    let starting = Platform::start(settings);
    let platform = tokio::select! {
        started = starting => started.map_err(|e| Refused::violation(&e))?,
        () = interrupted() => return Ok(ExitCode::from(INTERRUPTED)),
    };
    // What was counted before is what is there: it isn't counted again by us.
    let is_new = platform.is_embedded() || is_new_shop(&platform.config).await;
    if is_new {
        let (keepers, api) = (Keepers::of_platform(&platform), format!("http://{}", platform.api));
        let opening = keep_shop(&keepers, &platform.databases, &api, &[]);
        tokio::select! {
            opened = opening => opened.map_err(|e| Refused::violation(&e)).map(drop)?,
            () = interrupted() => {
                platform.stop().await.map_err(|e| Refused::violation(&e))?;
                return Ok(ExitCode::from(INTERRUPTED));
            }
        }
    }
    print::line(addresses(&platform, output));
    stay(platform).await.map_err(|e| Refused::violation(&e))?;
    Ok(ExitCode::SUCCESS)
}

/// Nothing was ever counted.
async fn is_new_shop(config: &Config) -> bool {
    let Ok(probe) = Probe::new(config) else { return false };
    let topic = Arc::from(StockCounted::TOPIC);
    let partitions = probe.partitions(&topic).await.unwrap_or_default();
    for partition in 0..partitions {
        let at = TopicPartition { topic: Arc::clone(&topic), partition };
        if !matches!(probe.ends(&at).await, Ok((_, 0))) {
            return false;
        }
    }
    true
}

/// Where everything is.
pub(super) fn addresses(platform: &Platform, output: Output) -> String {
    let (api, mailbox) = (platform.api, platform.mailbox_address);
    let (catalogue, users) = (platform.catalogue_address, platform.users_address);
    let (kafka, registry) = (&platform.config.bootstrap, &platform.config.registry);
    match output {
        Output::Json => json!({
            "order_api": format!("http://{api}"),
            "page": format!("http://{api}/"),
            "kitchen": format!("http://{api}/kitchen"),
            "catalogue": format!("http://{catalogue}"),
            "users": format!("http://{users}"),
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
                "the shop         http://{api}/\n\
             the kitchen      http://{api}/kitchen\n\
             order-api        http://{api}  (POST /orders, GET /orders/{{id}}, /openapi.json, /metrics)\n\
             catalogue        http://{catalogue}  (/products, /stock, /openapi.json)\n\
             users            http://{users}  (/users/{{id}}, /openapi.json)\n\
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
