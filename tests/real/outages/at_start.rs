//! Services that are there before any part is.

use std::time::Duration;

use orderly::demo::Load;
use orderly_harness::need;
use orderly_tests::{eventually, services::SERVICES};

use super::{
    prober::Prober,
    stage::{Loaded, Stage, says_away},
};

/// What order-api names while it isn't started.
const SHORT: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn services_that_are_there_before_their_parts_become_ready_by_themselves() {
    let case = "away at start";
    let stage = need!(Stage::enter().await);
    let Stage { parts, services, .. } = &stage;
    for service in SERVICES {
        services.get(service).stop().await.unwrap();
    }
    let killed = tokio::join!(parts.kafka.kill(1), parts.registry.kill(), parts.postgres.kill());
    killed.0.and(killed.1).and(killed.2).unwrap();
    for service in SERVICES {
        services.get(service).start_again().unwrap();
    }
    let api = services.url("order-api");
    eventually("order-api listens", || async { reqwest::get(&api).await.ok() }).await;
    let prober = Prober::start(api);
    for (service, part) in [
        ("order-api", "database"),
        ("fulfilment", "database"),
        ("outbox-relay", "database"),
        ("notifications", "database"),
        ("history", "kafka"),
    ] {
        says_away(services, service, part).await;
    }
    // The database last: a start that waits for it answers, too.
    let back = tokio::join!(parts.kafka.start_again(1), parts.registry.start_again());
    back.0.and(back.1).unwrap();
    says_away(services, "history", "database").await;
    tokio::time::sleep(SHORT).await;
    let early = prober.answers();
    assert!(early.len() > 10, "{case}: {} answers", early.len());
    for answer in early {
        assert_eq!(answer.status, Ok(503), "{case}: {answer:?}");
    }
    parts.postgres.start_again().await.unwrap();
    for service in SERVICES {
        services.ready(service).await;
    }
    prober.accepted(5).await;
    prober.end(case).await;
    let load = Load::Generated { orders: 100, rate: None };
    let demo = services.demo(parts, load).await;
    Loaded::begin(demo, services).await.end(case, parts, services).await;
    stage.leave();
}
