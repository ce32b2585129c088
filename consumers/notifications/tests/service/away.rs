use std::time::Duration;

use notifications::Mail;
use orderly_sdk::{kafka::Probe, record::TopicPartition};

use crate::parts::{Parts, Running, confirmed, until};

#[tokio::test(flavor = "multi_thread")]
async fn started_while_the_broker_is_away_it_waits_and_then_sends() {
    let mut parts = Parts::start(1, 1).await;
    parts.contact("o-1", "ada@example.com").await;
    parts.confirmed("o-1").await;
    parts.config.connect_timeout = Duration::from_secs(1);
    parts.broker.go_down().unwrap();
    let settings = parts.settings(Mail::Mailbox);
    let health = settings.health.clone();
    let running = Running::start(settings, None);
    until("Kafka is away", || async { health.absence("kafka") }).await;

    parts.broker.come_back().unwrap();
    parts.mails(1).await;
    until("it is ready", || async { health.snapshot().is_ready.then_some(()) }).await;

    // And in the middle.
    parts.broker.go_down().unwrap();
    until("Kafka is away", || async { health.absence("kafka") }).await;
    assert!(!health.snapshot().is_ready);
    parts.broker.come_back().unwrap();
    parts.contact("o-2", "bob@example.com").await;
    parts.emitter.emit(&confirmed("o-2")).await.unwrap();
    parts.mails(2).await;
    until("it is ready", || async { health.snapshot().is_ready.then_some(()) }).await;
    running.stop().await;
    let at = TopicPartition { topic: "notifications.dead-letters".into(), partition: 0 };
    assert_eq!(Probe::new(&parts.config).unwrap().ends(&at).await.unwrap(), (0, 0));
}
