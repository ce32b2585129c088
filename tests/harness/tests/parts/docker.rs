//! The Docker way, and the way on where an engine has no images.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use orderly_harness::{Kafka, Postgres, Redis, Registry, Way, need};

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
    redis.kill().await.unwrap();
    redis.start_again().await.unwrap();
}

/// An engine that answers, has nothing, and takes for ever to pull.
fn engine_without_images() -> String {
    let engine = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", engine.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in engine.incoming().flatten() {
            std::thread::spawn(|| answer(client));
        }
    });
    address
}

fn answer(client: TcpStream) {
    let mut lines = BufReader::new(client.try_clone().unwrap());
    let mut client = client;
    let mut asked = String::new();
    while lines.read_line(&mut asked).is_ok_and(|read| read > 0) {
        let mut header = String::new();
        while lines.read_line(&mut header).is_ok_and(|read| read > 2) {
            header.clear();
        }
        let status = match asked.as_str() {
            ping if ping.contains("/_ping") => "200 OK",
            pull if pull.contains("/images/create") => {
                let _ = lines.read(&mut [0]); // until the client gives up
                return;
            }
            _ => "404 Not Found",
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        if client.write_all(answer.as_bytes()).is_err() {
            return;
        }
        asked.clear();
    }
}

#[tokio::test]
async fn an_engine_that_cannot_pull_is_passed_over() {
    drop(need!(Postgres::start_by(Way::Process).await));
    let mut parts = Command::new(env!("CARGO_BIN_EXE_orderly-parts"));
    parts.args(["postgres"]).env("DOCKER_HOST", engine_without_images()).stdout(Stdio::piped());
    let mut parts = parts.spawn().unwrap();
    let mut said = String::new();
    BufReader::new(parts.stdout.take().unwrap()).read_line(&mut said).unwrap();
    parts.kill().unwrap();
    parts.wait().unwrap();
    assert!(said.starts_with("DATABASE_URL=postgres://orderly:"), "{said}");
}
