use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use notifications::Mail;
use orderly_sdk::{kafka::Probe, record::TopicPartition};
use orderly_stores::Database;

use crate::{
    channels::{HOOK, Outside, ended},
    parts::{Parts, Running, confirmed, until},
    receiver::Reply,
    webhooks::called_back,
};

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

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_kept_once_the_database_is_back_and_sent_once() {
    let parts = Parts::start(1, 1).await;
    let outside = Outside::start().await;
    let replies = [Reply::Later(Duration::from_secs(2)), Reply::Status(200)];
    outside.receiver.replies("hook", &replies);
    let mut settings = outside.settings(&parts);
    settings.webhooks.as_mut().unwrap().patience = Duration::from_secs(5);
    parts.emitter.emit(&called_back("o-1", &outside.receiver.url("hook"))).await.unwrap();
    parts.confirmed("o-1").await;
    let running = Running::start(settings, None);
    outside.receiver.until("hook", 1).await;
    // Before it is answered somebody else begins to write.
    let file = parts.file("notifications.db");
    let other = Database::open(&format!("sqlite:{}", file.display())).unwrap();
    let held = other.begin().await.unwrap();
    until("its lease is long over", || async {
        let sql = "SELECT due_at FROM notifications_deliveries";
        let row = parts.database.query_opt(sql, &[]).await.unwrap().unwrap();
        let due_at: Option<DateTime<Utc>> = row.get(0).unwrap();
        let due_at = due_at.expect("nothing is kept while another one writes");
        (Utc::now() > due_at + TimeDelta::seconds(5)).then_some(())
    })
    .await;
    drop(held);
    assert_eq!(ended(&parts, 1).await, [HOOK]);
    running.stop().await;
    assert_eq!(outside.receiver.got("hook").len(), 1);
}
