//! Every service, the leader of `orders` and the database killed under load, twice each; the proof
//! finds nothing lost, doubled or out of order.

use std::time::{Duration, Instant};

use orderly::demo::{Demo, Load, Watched, progress::Bars};
use orderly_harness::need;
use orderly_sdk::{kafka::Probe, record::TopicPartition};
use orderly_tests::{
    eventually,
    services::{RealParts, SERVICES, Services},
};
use tokio::task::JoinHandle;

/// Orders a second.
const RATE: u32 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_under_load_nothing_is_lost_doubled_or_reordered() {
    let parts = need!(RealParts::start(3).await);
    let services = Services::start(&parts).await;
    let seconds = if orderly_tests::is_long() { 120 } else { 45 };
    let orders = u64::from(RATE) * seconds;
    let load = Load::Generated { orders, rate: Some(RATE) };
    let mut run = Run::begin(services.demo(&parts, load).await);
    let victims: Vec<&str> = SERVICES.into_iter().chain(["kafka", "postgres"]).collect();
    let rounds = 2 * victims.len();
    // The last kill leaves room for what it hit to come back under load.
    let between = Duration::from_secs(seconds) / u32::try_from(rounds + 1).unwrap();
    let begun = Instant::now();
    for round in 0..rounds {
        run.until(begun + between * u32::try_from(round + 1).unwrap()).await;
        let victim = victims[round % victims.len()];
        let hit = run.in_flight();
        match victim {
            "kafka" => kill_the_leader_of_orders(&parts).await,
            "postgres" => {
                parts.postgres.kill().await.unwrap();
                parts.postgres.start_again().await.unwrap();
            }
            service => {
                services.get(service).kill().await.unwrap();
                services.get(service).start_again().unwrap();
            }
        }
        println!("round {round}: {victim} killed with {hit:?}");
        assert!(hit.is_something(), "{victim}: the kill hit nothing: {hit:?}");
    }
    let demo = run.ended().await;
    let report = demo.prove().await.unwrap();
    println!("{}", report.table());
    assert!(report.is_proven(), "{:?}", report.findings);
    assert_eq!(report.orders.submitted, orders);
    assert_eq!(report.orders.accepted, orders, "{:?}", report.orders);
    for service in SERVICES {
        services.ready(service).await;
    }
    demo.stop().await.unwrap();
}

/// kill -9 of the broker that leads the first partition of `orders`; started again once another one
/// leads it.
async fn kill_the_leader_of_orders(parts: &RealParts) {
    let probe = Probe::new(&parts.config()).unwrap();
    let orders = TopicPartition { topic: "orders".into(), partition: 0 };
    let leader = probe.leader(&orders).await.unwrap().unwrap();
    parts.kafka.kill(leader).await.unwrap();
    eventually("another broker leads", || async {
        probe.leader(&orders).await.ok().flatten().filter(|new| *new != leader)
    })
    .await;
    parts.kafka.start_again(leader).await.unwrap();
}

/// A run of the demo under way.
struct Run {
    running: JoinHandle<Demo>,
    watched: Watched,
}

/// What was between an order's sending and its end at a moment.
#[derive(Clone, Copy, Debug)]
struct InFlight {
    /// Sent and not answered.
    unanswered: u64,
    /// Accepted, and not yet come to their end in every group.
    under_way: u64,
}

impl InFlight {
    fn is_something(self) -> bool {
        self.unanswered + self.under_way > 0
    }
}

impl Run {
    fn begin(mut demo: Demo) -> Self {
        let watched = demo.watched();
        let running = tokio::spawn(async move {
            demo.run(&Bars::new()).await.unwrap();
            demo
        });
        Self { running, watched }
    }

    /// Waits until then; fails if the run ended before.
    async fn until(&mut self, moment: Instant) {
        tokio::select! {
            () = tokio::time::sleep_until(moment.into()) => {}
            ended = &mut self.running => panic!("the run ended early: {:?}", ended.err()),
        }
    }

    fn in_flight(&self) -> InFlight {
        let at = self.watched.seen();
        InFlight {
            unanswered: at.sent.saturating_sub(at.answered),
            under_way: at.accepted.saturating_sub(at.ended),
        }
    }

    async fn ended(self) -> Demo {
        self.running.await.unwrap()
    }
}
