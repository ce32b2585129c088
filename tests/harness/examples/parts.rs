//! Real parts for trying things out: Kafka (1 or 3 brokers), a registry and Postgres, until
//! interrupted. Prints what to export.
//!
//! `cargo run -p orderly-harness --example parts -- 3`

use std::error::Error;

use orderly_harness::{Kafka, Postgres, Registry};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let brokers = std::env::args().nth(1).map_or(Ok(1), |count| count.parse())?;
    let (kafka, registry, postgres) =
        tokio::try_join!(Kafka::start(brokers), Registry::start(), Postgres::start())?;
    println!("export KAFKA_BOOTSTRAP_SERVERS={}", kafka.bootstrap());
    println!("export SCHEMA_REGISTRY_URL={}", registry.url());
    println!("export DATABASE_URL={}", postgres.url());
    println!("export PGPASSWORD={}", postgres.password());
    eprintln!("Ctrl-C ends them, and what they hold is gone.");
    tokio::signal::ctrl_c().await?;
    Ok(())
}
