//! `orderly demo`: orders through everything, and the proof.

use std::{process::ExitCode, time::Duration};

use fulfilment::{Rules, Stages, StagesError};
use metrics_exporter_prometheus::PrometheusHandle;
use orderly_sdk::topics::Topics;

use super::{Refused, print, up};
use crate::{
    args::{DEFAULT_STAGES, DemoArgs, Output, Scenario},
    demo::{Demo, DemoError, Load, Site, progress::Bars, rules_for_varied},
    parts::{self, Parts},
    platform::{Databases, PricesFrom, Settings, chain},
};

/// Longest that an order-api that is there takes to say so.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// How long a spike lasts.
const SPIKE_SECONDS: u64 = 30;

pub(super) async fn run(
    args: DemoArgs,
    output: Output,
    topics: Topics,
    metrics: PrometheusHandle,
) -> Result<ExitCode, Refused> {
    let DemoArgs { orders, rate, members, from, format, serve, stages, fault, .. } = args;
    if args.scenario == Some(Scenario::SlowOven) && stages.is_some() {
        return Err(Refused::usage("slow-oven has a kitchen of its own: leave out --stages"));
    }
    let stages = stages.map_or_else(|| DEFAULT_STAGES.parse(), Ok);
    let stages: Stages = stages.map_err(|error: StagesError| Refused::usage(error.to_string()))?;
    let (speed_up, stages) = (args.speed_up, stages.sped_up(args.speed_up));
    let redis = args.redis.by_flag(&args.cluster.prefix).map_err(Refused::usage)?;
    let parts = parts::by_flags(args.cluster, args.database).map_err(Refused::usage)?;
    let shop = args.scenario.and_then(Scenario::of_the_shop);
    if shop.is_some() && args.against.is_some() {
        let why = "a shop's scenario needs services with rules of its own: leave out --against";
        return Err(Refused::usage(why));
    }
    let load = match (shop, from, format) {
        _ if args.scenario == Some(Scenario::Spike) => Load::Spike { seconds: SPIKE_SECONDS },
        (Some(shop), ..) => Load::Scenario(shop),
        (None, Some(path), Some(format)) => Load::Imported { path, format },
        // Services that are there have rules of their own.
        _ if args.against.is_some() => Load::Generated { orders, rate },
        _ => Load::Varied { orders, rate },
    };
    if let Some(api) = &args.against {
        answers(api).await?;
    }
    let violation = |error| Refused::violation(&error);
    let is_embedded = parts.is_none();
    let starting = async {
        match (args.against, parts) {
            (Some(api), Some(Parts { config, database })) => {
                let databases = Databases::shared(&database)?;
                let site = Site::of_services(config, api, databases).await?;
                Demo::on(site, load, stages.total()).await
            }
            (_, parts) => {
                let listen = ([127, 0, 0, 1], 0).into();
                let rules = Rules::new(stages);
                let rules = match (&load, shop) {
                    (_, Some(shop)) => shop.rules(rules),
                    (Load::Varied { .. }, _) => rules_for_varied(rules),
                    _ => Ok(rules),
                };
                let rules = rules.map_err(DemoError::Ended)?;
                let prices = PricesFrom::AsGiven;
                let settings =
                    Settings { topics, listen, members, rules, prices, metrics, parts, redis };
                Demo::start(load, settings).await
            }
        }
    };
    let mut demo = tokio::select! {
        started = starting => started.map_err(violation)?.sped_up(speed_up),
        () = up::interrupted() => return Ok(ExitCode::from(up::INTERRUPTED)),
    };
    if is_embedded {
        eprintln!("Embedded broker, registry and databases: nothing outlives this process.");
    }
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
        eprintln!("{fault} happened to {order_id}");
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
    if report.is_about_nothing() {
        eprintln!("orderly: no order was accepted: nothing was proved");
    }
    if serve {
        let Some(platform) = demo.into_platform() else {
            return Err(Refused::usage("--serve has nothing to serve with --against"));
        };
        eprintln!("{}", up::addresses(&platform, Output::Table));
        up::stay(platform).await.map_err(|e| Refused::violation(&e))?;
    } else {
        demo.stop().await.map_err(violation)?;
    }
    Ok(if report.is_proven() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Something answers at that base URL, and takes orders without a key.
async fn answers(api: &str) -> Result<(), Refused> {
    if !api.starts_with("http://") && !api.starts_with("https://") {
        let why = format!("--against {api}: write it as http://127.0.0.1:8080");
        return Err(Refused::usage(why));
    }
    let asked = async {
        let client = reqwest::Client::builder().timeout(ANSWERS_WITHIN).build()?;
        client.get(format!("{api}/users/nobody/orders")).send().await
    };
    match asked.await {
        Ok(answer) if answer.status() == reqwest::StatusCode::UNAUTHORIZED => {
            let why = format!("{api} wants an API key, and demo gives none: start it --anonymous");
            Err(Refused::because(why))
        }
        Ok(_) => Ok(()),
        Err(error) => {
            let why = chain(&error.without_url());
            Err(Refused::unreachable(format!("no order-api answers at {api}: {why}")))
        }
    }
}
