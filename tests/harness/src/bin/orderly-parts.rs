//! Holds real parts for work by hand: starts what is named, prints how to reach it as lines for the
//! environment, and ends it with itself.

use std::io::Write as _;
use std::process::ExitCode;

use orderly_harness::{Kafka, NotRun, Postgres, Redis, Registry};

const USAGE: &str = "orderly-parts PART…
  kafka      one broker: KAFKA_BOOTSTRAP_SERVERS
  kafka=3    three brokers
  registry   SCHEMA_REGISTRY_URL
  postgres   DATABASE_URL
  redis      REDIS_URL
Runs until Ctrl-C; then the parts end, and their data goes.";

enum Part {
    Kafka(Kafka),
    Registry(Registry),
    Postgres(Postgres),
    Redis(Redis),
}

impl Part {
    async fn start(name: &str) -> Option<Result<Self, NotRun>> {
        Some(match name {
            "kafka" => Kafka::start(1).await.map(Self::Kafka),
            "kafka=3" => Kafka::start(3).await.map(Self::Kafka),
            "registry" => Registry::start().await.map(Self::Registry),
            "postgres" => Postgres::start().await.map(Self::Postgres),
            "redis" => Redis::start().await.map(Self::Redis),
            _ => return None,
        })
    }

    fn line(&self) -> String {
        match self {
            Self::Kafka(kafka) => format!("KAFKA_BOOTSTRAP_SERVERS={}", kafka.bootstrap()),
            Self::Registry(registry) => format!("SCHEMA_REGISTRY_URL={}", registry.url()),
            Self::Postgres(postgres) => format!("DATABASE_URL={}", postgres.url()),
            Self::Redis(redis) => format!("REDIS_URL={}", redis.url()),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let mut held = Vec::new();
    for name in &names {
        match Part::start(name).await {
            Some(Ok(part)) => {
                let mut out = std::io::stdout().lock();
                if writeln!(out, "{}", part.line()).and_then(|()| out.flush()).is_err() {
                    return ExitCode::FAILURE; // nobody reads it
                }
                held.push(part);
            }
            Some(Err(e)) => {
                eprintln!("not run: {e}");
                return ExitCode::FAILURE;
            }
            None => {
                eprintln!("there is no part {name}\n{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let _ = tokio::signal::ctrl_c().await;
    ExitCode::SUCCESS
}
