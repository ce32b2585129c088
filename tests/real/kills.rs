//! Every service, the leader of the first partition of `orders` and the database killed under load,
//! twice each, while products and profiles change; the proof finds nothing lost, doubled or out of
//! order, each change that was accepted is kept and told, and of each order it is known whose it is.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use orderly::demo::{Demo, Lags, Load, Watched, progress::Bars};
use orderly_harness::need;
use orderly_sdk::{kafka::Probe, record::TopicPartition};
use orderly_stores::{Database, Outbox};
use orderly_tests::{
    eventually,
    services::{KEEPERS, RealParts, SERVICES, Services},
};
use tokio::task::JoinHandle;

use changes::{Changes, Waiting, assert_kept};

mod changes;

/// Orders a second, and for how many seconds at least; fewer where time is short.
const LONG: (u32, u64) = (200, 120);
const SHORT: (u32, u64) = (60, 57);
const MOST_ORDERS: u64 = 1_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_under_load_nothing_is_lost_doubled_or_reordered() {
    let parts = need!(RealParts::start(3).await);
    let services = Services::start_all(&parts).await;
    let (rate, seconds) = if orderly_tests::is_long() { LONG } else { SHORT };
    // They come until the last kill, however long the kills take.
    let load = Load::Generated { orders: MOST_ORDERS, rate: Some(rate) };
    let mut run = Run::begin(services.demo(&parts, load).await);
    let changes = Changes::begin(&services);
    let look = Look::at(&parts, run.watched.clone(), Waiting::clone(&changes.waiting));
    let every_service = || SERVICES.into_iter().chain(KEEPERS);
    let victims: Vec<&str> = every_service().chain(["kafka", "postgres"]).collect();
    let rounds = 2 * victims.len();
    let between = Duration::from_secs(seconds) / u32::try_from(rounds + 1).unwrap();
    let (begun, before) = (Instant::now(), run.watched.seen());
    for round in 0..rounds {
        run.until(begun + between * u32::try_from(round + 1).unwrap()).await;
        let victim = victims[round % victims.len()];
        let hit = kill(victim, &parts, &services, &look).await;
        println!("round {round}: {victim} killed with {hit} in flight");
        assert!(hit > 0, "{victim}: the kill hit nothing");
    }
    run.until(begun + Duration::from_secs(seconds)).await;
    let accepted = run.watched.seen().accepted - before.accepted;
    let lasted = begun.elapsed().as_secs();
    let reached = accepted / lasted;
    println!("{reached} orders a second were accepted in {lasted} s, of {rate} asked for");
    let changed = changes.end().await;
    run.watched.call_it_enough();
    let demo = run.ended().await;
    let report = demo.prove().await.unwrap();
    println!("{}", report.table());
    assert!(report.is_proven(), "{:?}", report.findings);
    let orders = report.orders;
    assert!(orders.submitted < MOST_ORDERS, "the load ended before the kills: {orders:?}");
    assert_eq!(orders.accepted, orders.submitted, "{orders:?}");
    for service in every_service() {
        services.ready(service).await;
    }
    let is_told = || async { look.outbox.is_empty().await.ok()?.then_some(()) };
    eventually("every change is told", is_told).await;
    assert_kept(&changed, &parts.config()).await;
    let users = parts.databases().users;
    let is_known = || async { (known(&users).await == orders.accepted).then_some(()) };
    eventually("of each order it is known whose it is", is_known).await;
    demo.stop().await.unwrap();
}

/// Orders of which `users` noted whose they are.
async fn known(users: &Database) -> u64 {
    let row = users.query_opt("SELECT count(*) FROM users_orders", &[]).await.unwrap();
    row.unwrap().get::<i64>(0).unwrap().unsigned_abs()
}

/// Stops the victim until something waits for it, so that the kill hits that; kills it with -9 and
/// starts it again. Answers how much waited.
async fn kill(victim: &str, parts: &RealParts, services: &Services, look: &Look) -> u64 {
    match victim {
        "kafka" => {
            let leader = eventually("a leader", || look.leader()).await;
            parts.kafka.pause(leader).await.unwrap();
            let hit = look.until_waiting(victim).await;
            parts.kafka.kill(leader).await.unwrap();
            eventually("another broker leads", || async {
                look.leader().await.filter(|new| *new != leader)
            })
            .await;
            parts.kafka.start_again(leader).await.unwrap();
            hit
        }
        "postgres" => {
            parts.postgres.pause().await.unwrap();
            let hit = look.until_waiting(victim).await;
            parts.postgres.kill().await.unwrap();
            parts.postgres.start_again().await.unwrap();
            hit
        }
        service => {
            let program = services.get(service);
            assert!(program.runs(), "{service} ended by itself:\n{}", program.printed());
            program.pause().unwrap();
            let hit = look.until_waiting(victim).await;
            program.kill().await.unwrap();
            program.start_again().unwrap();
            hit
        }
    }
}

/// Sees what waits for a part or a service.
struct Look {
    probe: Probe,
    lags: Lags,
    outbox: Outbox,
    watched: Watched,
    changes: Waiting,
}

impl Look {
    fn at(parts: &RealParts, watched: Watched, changes: Waiting) -> Self {
        let config = parts.config();
        let lags = Lags::of(&config).unwrap();
        let outbox = Outbox::new(parts.databases().fulfilment);
        Self { probe: Probe::new(&config).unwrap(), lags, outbox, watched, changes }
    }

    async fn leader(&self) -> Option<i32> {
        let orders = TopicPartition { topic: "orders".into(), partition: 0 };
        self.probe.leader(&orders).await.ok().flatten()
    }

    async fn until_waiting(&self, victim: &str) -> u64 {
        let what = format!("something waits for {victim}");
        eventually(&what, || async { Some(self.waiting(victim).await).filter(|n| *n > 0) }).await
    }

    /// Records that a group has yet to do, rows in the outbox, changes or orders without an answer.
    async fn waiting(&self, victim: &str) -> u64 {
        match victim {
            "fulfilment" | "history" | "notifications" => {
                self.lags.now().await.map_or(0, |lags| lags[victim].unsigned_abs())
            }
            "outbox-relay" => self.outbox.backlog().await.map_or(0, |backlog| backlog.records),
            "catalogue" | "users" => self.changes[victim].load(Ordering::Relaxed),
            _ => {
                let seen = self.watched.seen();
                seen.sent - seen.answered
            }
        }
    }
}

/// A run of the demo under way.
struct Run {
    running: JoinHandle<Demo>,
    watched: Watched,
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

    async fn ended(self) -> Demo {
        self.running.await.unwrap()
    }
}
