//! Each part taken away from running services, one after the other, under load: orders are answered
//! in time, the services wait and go on by themselves, nothing is lost or dead-lettered, and readiness
//! names what is away.

mod at_start;
mod full_disk;
mod no_registry;
mod prober;
mod stage;

use std::time::Instant;

use orderly_harness::need;
use orderly_stores::{Database, Tx};
use orderly_tests::services::SERVICES;

use stage::{Loaded, Stage, assert_ready, load, outage, says_away};

/// Everybody.
const ALL: &[&str] = &SERVICES;

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_stopped_is_waited_for() {
    let stage = need!(Stage::enter().await);
    let kafka = &stage.parts.kafka;
    let away = async |_: &Loaded| kafka.stop(1).await.unwrap();
    survive("broker stopped", &stage, away, ("kafka", ALL), async |()| {
        kafka.start_again(1).await.unwrap();
    })
    .await;
    stage.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_says_nothing_is_waited_for() {
    let stage = need!(Stage::enter().await);
    let kafka = &stage.parts.kafka;
    let away = async |_: &Loaded| kafka.pause(1).await.unwrap();
    survive("broker paused", &stage, away, ("kafka", ALL), async |()| {
        kafka.resume(1).await.unwrap();
    })
    .await;
    stage.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_stopped_is_waited_for() {
    let stage = need!(Stage::enter().await);
    let postgres = &stage.parts.postgres;
    let away = async |_: &Loaded| postgres.stop().await.unwrap();
    survive("postgres stopped", &stage, away, ("database", ALL), async |()| {
        postgres.start_again().await.unwrap();
    })
    .await;
    stage.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_killed_is_waited_for() {
    let stage = need!(Stage::enter().await);
    let postgres = &stage.parts.postgres;
    let away = async |_: &Loaded| postgres.kill().await.unwrap();
    survive("postgres killed", &stage, away, ("database", ALL), async |()| {
        postgres.start_again().await.unwrap();
    })
    .await;
    stage.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_locked_holds_up_only_whose_it_is() {
    const OWNERS: &[&str] = &["order-api", "fulfilment", "history"];
    let stage = need!(Stage::enter().await);
    let database = stage.parts.databases().fulfilment;
    let away = async |loaded: &Loaded| lock(&database, loaded).await;
    survive("tables locked", &stage, away, ("database", OWNERS), async |lock| drop(lock)).await;
    stage.leave();
}

/// Holds them until it is dropped. What takes orders comes last: behind the others' locks there is
/// something for each of them to do.
async fn lock(database: &Database, loaded: &Loaded) -> Tx {
    let mut tx = database.begin().await.unwrap();
    for table in ["history_orders", "fulfilment_orders", "idempotency"] {
        if table == "idempotency" {
            loaded.prober.accepted(5).await;
        }
        tx.execute(&format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"), &[]).await.unwrap();
    }
    tx
}

async fn begin(stage: &Stage) -> Loaded {
    let demo = stage.services.demo(&stage.parts, load()).await;
    Loaded::begin(demo, &stage.services).await
}

/// Takes a part away from these services under load, brings it back, and proves.
async fn survive<T>(
    case: &str,
    stage: &Stage,
    take: impl AsyncFnOnce(&Loaded) -> T,
    (part, who): (&str, &[&str]),
    bring_back: impl AsyncFnOnce(T),
) {
    let loaded = begin(stage).await;
    let taken = take(&loaded).await;
    let gone = Instant::now();
    for service in who {
        says_away(&stage.services, service, part).await;
        println!("{case}: {service} says so after {:?}", gone.elapsed());
    }
    tokio::time::sleep_until((gone + outage()).into()).await;
    for service in SERVICES.iter().filter(|service| !who.contains(service)) {
        assert_ready(case, &stage.services, service).await;
    }
    for service in who {
        // It still is.
        says_away(&stage.services, service, part).await;
    }
    bring_back(taken).await;
    loaded.end(case, &stage.parts, &stage.services).await;
}
