//! The Docker way, and the way on where an engine has no images.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use orderly_harness::{Kafka, Postgres, Redis, Registry, Way, need};

use crate::engine::ScriptedEngine;

/// Less than 30 s for the engine that is passed over, and what Postgres takes itself on a busy machine.
const PASSED_OVER: Duration = Duration::from_secs(30 + 15);

#[tokio::test]
async fn brokers_in_containers_fall_and_rise() {
    let kafka = need!(Kafka::start_by(Way::Docker, 3).await);
    assert_eq!(kafka.way(), Way::Docker);
    crate::kafka::create(kafka.bootstrap(), "orders", 3, 3).await;
    for node in kafka.nodes() {
        kafka.pause(node).await.unwrap();
        kafka.resume(node).await.unwrap();
        kafka.kill(node).await.unwrap();
        kafka.start_again(node).await.unwrap();
    }
}

#[tokio::test]
async fn a_registry_in_a_container_falls_and_rises() {
    let registry = need!(Registry::start_by(Way::Docker).await);
    registry.kill().await.unwrap();
    registry.start_again().await.unwrap();
}

#[tokio::test]
async fn postgres_in_a_container_falls_and_rises() {
    let postgres = need!(Postgres::start_by(Way::Docker).await);
    let kept = postgres.database().await.unwrap();
    postgres.kill().await.unwrap();
    postgres.start_again().await.unwrap();
    assert!(tokio_postgres::connect(kept.url(), tokio_postgres::NoTls).await.is_ok());
}

#[tokio::test]
async fn redis_in_a_container_falls_and_rises() {
    let redis = need!(Redis::start_by(Way::Docker).await);
    redis.pause().await.unwrap();
    redis.resume().await.unwrap();
    redis.kill().await.unwrap();
    redis.start_again().await.unwrap();
}

#[tokio::test]
async fn an_engine_that_cannot_pull_is_passed_over() {
    drop(need!(Postgres::start_by(Way::Process).await));
    let mut parts = Command::new(env!("CARGO_BIN_EXE_orderly-parts"));
    parts
        .args(["postgres"])
        .env("DOCKER_HOST", ScriptedEngine::start(false).address)
        .stdout(Stdio::piped());
    let mut parts = parts.spawn().unwrap();
    let mut stdout = BufReader::new(parts.stdout.take().unwrap());
    let reading = tokio::task::spawn_blocking(move || {
        let mut said = String::new();
        stdout.read_line(&mut said).map(|_| said)
    });
    let said = tokio::time::timeout(PASSED_OVER, reading).await;
    parts.kill().unwrap();
    parts.wait().unwrap();
    let said = said.expect("passed over in time").unwrap().unwrap();
    assert!(said.starts_with("DATABASE_URL=postgres://orderly:"), "{said}");
}

#[test]
fn an_engine_is_told_what_to_run_and_what_to_remove() {
    let engine = ScriptedEngine::start(true);
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "docker::redis_in_a_container_falls_and_rises"])
        .env("DOCKER_HOST", &engine.address);
    let ran = test.output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(
        ran.status.success() && said.contains("1 passed") && !said.contains("not run"),
        "{said}"
    );
    let made = engine.made();
    for part in
        [r#""Image":"redis:7-alpine""#, r#""HostIp":"127.0.0.1""#, r#"["redis-server","--save","""#]
    {
        assert!(made.contains(part), "{part} isn't in {made}");
    }
    assert_eq!(
        engine.changes(),
        ["create", "start", "pause", "unpause", "kill", "start", "DELETE"]
    );
}
