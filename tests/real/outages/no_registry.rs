//! The registry is gone while services run.

use std::time::Instant;

use orderly_harness::need;
use orderly_tests::services::SERVICES;

use super::{
    begin,
    stage::{Stage, assert_ready, outage, says_away},
};

/// Orders that came to their end before it goes: each member has seen every schema then.
const SEEN: u64 = 150;
/// Who is started again without it, and hasn't seen any.
const ANEW: [&str; 2] = ["history", "notifications"];

#[tokio::test(flavor = "multi_thread")]
async fn without_the_registry_known_schemas_flow_on_and_others_wait() {
    let case = "registry killed";
    let stage = need!(Stage::enter().await);
    let Stage { parts, services, .. } = &stage;
    let loaded = begin(&stage).await;
    loaded.ended(SEEN).await;
    parts.registry.kill().await.unwrap();
    let gone = Instant::now();
    while gone.elapsed() < outage() / 2 {
        loaded.prober.accepted(10).await;
        for service in SERVICES {
            assert_ready(case, services, service).await;
        }
    }
    for service in ANEW {
        services.get(service).stop().await.unwrap();
        services.get(service).start_again().unwrap();
    }
    for service in ANEW {
        says_away(services, service, "registry").await;
        println!("{case}: {service} says so after {:?}", gone.elapsed());
    }
    tokio::time::sleep_until((gone + outage()).into()).await;
    for service in SERVICES.iter().filter(|service| !ANEW.contains(service)) {
        assert_ready(case, services, service).await;
    }
    for service in ANEW {
        // It still is.
        says_away(services, service, "registry").await;
    }
    let refused = loaded.prober.answers().into_iter().filter(|a| a.status != Ok(202));
    assert_eq!(refused.count(), 0, "the registry isn't asked about orders");
    parts.registry.start_again().await.unwrap();
    loaded.end(case, parts, services).await;
    stage.leave();
}
