//! What the services take together at load, each a process of its own on real parts; beside it one
//! consumer in a JVM.

mod orders;
mod peer;

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use crate::{
    Error,
    args::Args,
    peers::Jvm,
    report::{Case, Report},
    resident::Watched,
    round::over,
    run::Run,
    system::{self, Service, System},
};

/// Orders a second.
const RATE: u32 = 200;
const LOAD: Duration = Duration::from_secs(60);
/// What they may take together.
const GOAL: f64 = 150.0;
/// Groups that are behind after the load may catch up for so long; their memory counts.
const SETTLING: Duration = Duration::from_secs(10);
const JVM: &str = "one JVM consumer";

pub(crate) async fn measure(args: &Args) -> Result<Report, Error> {
    let binary = system::build().await?;
    let jvm = if args.no_peers { None } else { Some(Jvm::ready().await) };
    let mut run = Run::begin(args)?;
    let system = System::start(binary, &mut run.report).await?;
    let services = start(&system).await?;
    run.report.under("load", format!("{RATE} orders/s for {} s over HTTP", LOAD.as_secs()));
    let together = "PSS in /proc, the highest sum at one time: the program's code, which all five have, \
                    counts once; `rss_mib` counts it for each";
    run.report.under("memory of", together);
    let mut left_out = Vec::new();
    let peer = match jvm {
        None => None,
        Some(Ok(jvm)) => Some(peer::start(&jvm, &system.bootstrap())?),
        Some(Err(why)) => {
            left_out.push(format!("{JVM}: it can't be built here: {why}"));
            None
        }
    };
    left_out.into_iter().for_each(|what| run.report.leave_out(what));
    let pid = |service: &Service| Ok((service.name().to_owned(), service.pid()?));
    let ours = Watched::begin(services.iter().map(pid).collect::<Result<_, Error>>()?);
    let theirs = match &peer {
        Some(peer) => Some(Watched::begin(vec![(JVM.to_owned(), peer.pid()?)])),
        None => None,
    };
    let order_api = services.last().map(|api| format!("http://{}", api.address()));
    let order_api = order_api.unwrap_or_default();
    let placed = orders::place(&order_api, RATE, LOAD).await?;
    if placed.accepted < placed.asked {
        let (asked, refused) = (placed.asked, placed.asked - placed.accepted);
        run.report.leave_out(format!("{refused} of {asked} orders, which weren't accepted"));
    }
    tokio::time::sleep(SETTLING).await;
    services.iter().try_for_each(Service::still_runs)?;
    let ours = ours.end().await?;
    let mut peers = BTreeMap::new();
    let mut raw = BTreeMap::from([
        ("at_peak".into(), json!(ours.parts)),
        ("mib_over_time".into(), json!(ours.sums)),
        ("orders".into(), json!(placed)),
    ]);
    if let Some(theirs) = theirs {
        let theirs = theirs.end().await?;
        peers.insert(JVM.to_owned(), over(ours.mib, theirs.mib));
        raw.insert(JVM.into(), json!(theirs.sums));
        run.report.more.insert("jvm_mib".into(), json!(theirs.mib));
    }
    run.raw.line(&json!({ "case": "memory", "raw": raw }))?;
    run.report.more.insert("mib".into(), json!(ours.mib));
    run.report.more.insert("rss_mib".into(), json!(ours.rss_mib));
    run.report.cases.push(Case {
        name: format!("five services at {RATE} orders/s"),
        unit: "MiB",
        ours: ours.mib,
        limit: GOAL,
        ratio: over(ours.mib, GOAL),
        counts: true,
        peers,
        raw,
    });
    run.end()
}

/// All five, ready; order-api is the last.
async fn start(system: &System) -> Result<Vec<Service>, Error> {
    let history = system.run("history", &[])?;
    let reads = format!("http://{}", history.address());
    let kitchen = ["--stages", "prep=20ms,bake=40ms,oven=20ms"];
    let rules = [&kitchen[..], &["--stock", "unlimited", "--payments", "simulated"]].concat();
    let services = vec![
        history,
        system.run("fulfilment", &rules)?,
        system.run("outbox-relay", &[])?,
        system.run("notifications", &[])?,
        system.run("order-api", &["--anonymous", "--prices", "as-given", "--history", &reads])?,
    ];
    for service in &services {
        service.ready().await?;
    }
    Ok(services)
}
