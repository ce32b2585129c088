//! Parts and services that the cases of this file take turns on.

use std::time::{Duration, Instant};

use orderly::demo::{Demo, Load, Watched, progress::Bars};
use orderly_harness::NotRun;
use orderly_sdk::{kafka::Probe, record::TopicPartition};
use orderly_tests::{
    eventually,
    services::{RealParts, SERVICES, Services},
};
use serde_json::Value;
use tokio::{
    sync::{Mutex, MutexGuard},
    task::JoinHandle,
};

use super::prober::Prober;

/// Who reads as a group.
const GROUPS: [&str; 3] = ["history", "fulfilment", "notifications"];
/// Longest until a service says that a part is away, and between two looks at what it says.
const SOON: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(50);
/// Far less than a part is away.
const MOMENT: Duration = Duration::from_secs(4);
/// Orders a second.
const RATE: u32 = 40;

/// Parts, and services on them. A case that fails leaves none for the next one, which starts its own.
pub struct Stage {
    pub parts: RealParts,
    pub services: Services,
    turn: MutexGuard<'static, Option<(RealParts, Services)>>,
}

impl Stage {
    /// As soon as no other case is on it.
    pub async fn enter() -> Result<Self, NotRun> {
        static FREE: Mutex<Option<(RealParts, Services)>> = Mutex::const_new(None);
        let mut turn = FREE.lock().await;
        let (parts, services) = match turn.take() {
            Some(stage) => stage,
            None => {
                let parts = RealParts::start(1).await?;
                let services = Services::start(&parts).await;
                (parts, services)
            }
        };
        Ok(Self { parts, services, turn })
    }

    /// It is as it was found.
    pub fn leave(self) {
        let Self { parts, services, mut turn } = self;
        *turn = Some((parts, services));
    }
}

/// How long parts are kept away.
pub fn outage() -> Duration {
    Duration::from_secs(if orderly_tests::is_long() { 60 } else { 8 })
}

/// Load on services, and a prober beside it.
pub struct Loaded {
    running: JoinHandle<Demo>,
    watched: Watched,
    pub prober: Prober,
}

impl Loaded {
    /// Begun; each member has its share of the work, and the first orders are accepted.
    pub async fn begin(mut demo: Demo, services: &Services) -> Self {
        for group in GROUPS {
            services.shares(group).await;
        }
        let watched = demo.watched();
        let running = tokio::spawn(async move {
            demo.run(&Bars::new()).await.unwrap();
            demo
        });
        let prober = Prober::start(services.url("order-api"));
        prober.accepted(5).await;
        // The shop is open, then: before its orders there is nothing to relay.
        let begun = || async { (watched.seen().accepted > 0).then_some(()) };
        eventually("the load's own orders are accepted", begun).await;
        Self { running, watched, prober }
    }

    /// Waits until so many orders of the load have come to their end.
    pub async fn ended(&self, orders: u64) {
        let enough = || async { (self.watched.seen().ended >= orders).then_some(()) };
        eventually("orders come to their end", enough).await;
    }

    /// Waits until all is back, and proves that nothing of it left a trace.
    pub async fn end(self, case: &str, parts: &RealParts, services: &Services) {
        for service in SERVICES {
            services.ready(service).await;
        }
        self.prober.accepted(5).await;
        let settling = Instant::now();
        self.prober.end(case).await;
        let demo = self.running.await.unwrap();
        let report = demo.prove().await.unwrap();
        println!(
            "{case}: {:?}, resent {}, settled in {:?}",
            report.orders,
            report.resent,
            settling.elapsed()
        );
        assert!(report.is_proven(), "{case}: {:?}", report.findings);
        assert_eq!(report.orders.accepted, report.orders.submitted, "{case}");
        demo.stop().await.unwrap();
        for service in SERVICES {
            let program = services.get(service);
            assert!(program.runs(), "{case}: {service} ended:\n{}", program.printed());
        }
        nothing_is_dead_lettered(case, parts).await;
    }
}

/// Enough of it that some goes on behind the outage.
pub fn load() -> Load {
    let orders = u64::from(RATE) * (outage().as_secs() + 6);
    Load::Generated { orders, rate: Some(RATE) }
}

async fn nothing_is_dead_lettered(case: &str, parts: &RealParts) {
    let probe = Probe::new(&parts.config()).unwrap();
    let topics = orderly_tests::topics();
    for group in topics.iter().flat_map(|topic| &topic.readers) {
        let topic = format!("{group}.dead-letters");
        for partition in 0..probe.partitions(&topic).await.unwrap() {
            let at = TopicPartition { topic: topic.as_str().into(), partition };
            let (_, end) = probe.ends(&at).await.unwrap();
            assert_eq!(end, 0, "{case}: {at} has dead letters");
        }
    }
}

/// Waits until the service says that it waits for that part; gives how long it took.
pub async fn says_away(services: &Services, service: &str, part: &str) -> Duration {
    let asked = Instant::now();
    loop {
        let said = services.readiness(service).await;
        let is_told = |(status, said): &(u16, Value)| *status == 503 && names(said, part);
        if said.as_ref().is_some_and(is_told) {
            return asked.elapsed();
        }
        let printed = || services.get(service).printed();
        assert!(
            asked.elapsed() < SOON,
            "{service} doesn't say that it waits for {part} but {said:?}; it printed:\n{}",
            printed()
        );
        tokio::time::sleep(LOOK).await;
    }
}

/// The service is ready, and waits for nothing. On a busy machine one look may find that the answer of
/// a part that is there was late.
pub async fn assert_ready(case: &str, services: &Services, service: &str) {
    let asked = Instant::now();
    loop {
        let said = services.readiness(service).await;
        if said.as_ref().is_some_and(|(status, _)| *status == 200) {
            return;
        }
        let late = asked.elapsed();
        assert!(late < MOMENT, "{case}: {service} isn't in need of what is away: {said:?}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether it names the part as away. Who has nothing to do with its database right then is told only by
/// the look at it that each answer takes.
fn names(said: &Value, part: &str) -> bool {
    let parts = said["parts"].as_array().into_iter().flatten();
    let mut away = parts.filter(|part| !part["away"].is_null());
    let is_reported = away.any(|away| away["name"] == part);
    is_reported || (part == "database" && said["database"] != "ok")
}
