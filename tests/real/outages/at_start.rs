//! Services that are there before any part is.

use orderly::demo::Load;
use orderly_harness::need;
use orderly_tests::{eventually, services::SERVICES};

use super::{
    prober::Prober,
    stage::{Loaded, Stage, says_away},
};

/// Who declares at its start what it emits.
const EMITTERS: [&str; 3] = ["order-api", "fulfilment", "notifications"];

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
    parts.kafka.start_again(1).await.unwrap();
    says_away(services, "history", "database").await;
    // A start that waits answers, too, whatever it waits for.
    let still_away = async || {
        let before = prober.answers().len();
        let enough = || async { (prober.answers().len() >= before + 10).then_some(()) };
        eventually("orders are answered", enough).await;
    };
    still_away().await;
    parts.postgres.start_again().await.unwrap();
    for service in EMITTERS {
        says_away(services, service, "registry").await;
    }
    still_away().await;
    for answer in prober.answers() {
        assert_eq!(answer.status, Ok(503), "{case}: {answer:?}");
    }
    // Who emits nothing of its own asks for a schema once there is a record of it.
    for service in SERVICES.iter().filter(|service| !EMITTERS.contains(service)) {
        services.ready(service).await;
    }
    parts.registry.start_again().await.unwrap();
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
