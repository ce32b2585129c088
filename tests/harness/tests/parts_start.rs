//! Each part starts and answers.

use orderly_harness::{Kafka, Postgres, Registry, need, parts};

#[tokio::test]
async fn a_broker_starts() {
    let kafka = need!(Kafka::start(1).await);
    assert_eq!(kafka.nodes(), [1]);
    kafka.kill(1).await.unwrap();
    kafka.start_again(1).await.unwrap();
}

#[tokio::test]
async fn a_registry_starts() {
    let registry = need!(Registry::start().await);
    assert!(registry.url().ends_with("/apis/ccompat/v7"));
}

#[tokio::test]
async fn postgres_starts() {
    let postgres = need!(Postgres::start().await);
    postgres.kill().await.unwrap();
    postgres.start_again().await.unwrap();
    let shared = need!(parts::postgres().await);
    assert!(shared.url().ends_with(shared.name()));
}
