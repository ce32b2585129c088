//! Parts that are away: waited for, and nothing is lost, told twice or given up.

use std::time::Duration;

use orderly_sdk::{Health, Snapshot, kafka::Probe, record::TopicPartition};

use crate::parts::{PATIENCE, Parts, placed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn started_while_broker_and_registry_are_away_it_waits_and_then_serves() {
    let mut parts = Parts::start(2).await;
    parts.config.connect_timeout = Duration::from_secs(1);
    parts.emit(&placed("early")).await;
    parts.broker.go_down().unwrap();
    parts.registry.go_down().await;
    let health = Health::of("fulfilment");
    let service = parts.run_reporting("prep=0ms", &health);
    until(&health, |told| is_away(told, "registry")).await;

    parts.registry.come_back().await.unwrap();
    until(&health, |told| is_away(told, "kafka")).await;
    parts.broker.come_back().unwrap();
    parts.statuses.until("ready", 1).await;
    until(&health, |told| told.is_ready && told.members.len() == 2).await;
    service.stop().await;
    assert_eq!(parts.statuses.steps("early").len(), 4);
    no_dead_letters(&parts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_walked_on_while_the_broker_is_away_and_told_afterwards() {
    let parts = Parts::start(2).await;
    let health = Health::of("fulfilment");
    let service = parts.run_reporting("prep=50ms,bake=50ms", &health);
    for i in 0..10 {
        parts.emit(&placed(&format!("o-{i}"))).await;
    }
    parts.statuses.until("confirmed", 10).await;
    parts.broker.go_down().unwrap();
    until(&health, |told| is_away(told, "kafka")).await;
    parts.broker.come_back().unwrap();
    parts.emit(&placed("late")).await;

    parts.statuses.until("ready", 11).await;
    until(&health, |told| told.is_ready).await;
    service.stop().await;
    assert_eq!(parts.inbox().await, 11);
    no_dead_letters(&parts).await;
}

async fn until(health: &Health, condition: impl Fn(&Snapshot) -> bool) {
    let looking = async {
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        while !condition(&health.snapshot()) {
            looks.tick().await;
        }
    };
    let looked = tokio::time::timeout(PATIENCE, looking).await;
    assert!(looked.is_ok(), "{:?}", health.snapshot());
}

fn is_away(told: &Snapshot, part: &str) -> bool {
    let is_away = told.parts.iter().any(|known| known.name == part && known.away.is_some());
    assert!(!(is_away && told.is_ready), "{told:?}");
    is_away
}

async fn no_dead_letters(parts: &Parts) {
    let probe = Probe::new(&parts.config).unwrap();
    for partition in 0..2 {
        let at = TopicPartition { topic: "fulfilment.dead-letters".into(), partition };
        assert_eq!(probe.ends(&at).await.unwrap(), (0, 0));
    }
}
