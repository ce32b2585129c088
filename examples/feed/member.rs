//! A member of the group: as a process of its own, and what starts and kills that.

use std::{env, io, process::Stdio};

use orderly_examples::Result;
use orderly_sdk::Config;
use orderly_stores::Database;
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, Command},
};

use crate::{
    args::{FanOut, Way},
    fan_out, tables,
};

const KAFKA: &str = "KAFKA_BOOTSTRAP_SERVERS";
const REGISTRY: &str = "SCHEMA_REGISTRY_URL";
const DATABASE: &str = "DATABASE_URL";

/// Runs until Ctrl-C, or as long as who started it.
pub async fn run(args: FanOut) -> Result {
    let database = Database::open(&needed(DATABASE)?)?;
    tables::prepare(&database).await?;
    let mut config = Config::new(needed(KAFKA)?, needed(REGISTRY)?);
    config.from_first = args.embedded;
    for property in &args.properties {
        let (key, value) = property.split_once('=').ok_or("-X is given as key=value")?;
        config.consumer_properties.push((key.to_owned(), value.to_owned()));
    }
    let until = async {
        if args.embedded {
            // The other end is held by who started it, and gone with that.
            let _ = tokio::io::stdin().read(&mut [0]).await;
        } else if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    Ok(fan_out::member(&config, database, args.way.celebrity_at).run_until(until).await?)
}

fn needed(variable: &str) -> Result<String, String> {
    env::var(variable).map_err(|_| format!("{variable} has to say where that is"))
}

/// A member that was started here. Dropped, it is killed.
pub struct Member {
    process: Child,
}

impl Member {
    /// Starts one. The database's url goes by the environment, as it may hold a password.
    pub fn start(config: &Config, database: &str, way: Way) -> io::Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("fan-out").arg("--embedded");
        command.arg("--celebrity-at").arg(way.celebrity_at.to_string());
        for (key, value) in &config.consumer_properties {
            command.arg("-X").arg(format!("{key}={value}"));
        }
        command.env(KAFKA, &config.bootstrap).env(REGISTRY, &config.registry);
        command.env(DATABASE, database);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
        Ok(Self { process: command.spawn()? })
    }

    /// As by `kill -9`: whatever it is doing ends there.
    pub async fn kill(mut self) -> io::Result<()> {
        self.process.kill().await
    }

    /// Lets it drain, commit and leave.
    pub async fn leave(mut self) -> Result {
        drop(self.process.stdin.take());
        match self.process.wait().await? {
            status if status.success() => Ok(()),
            status => Err(format!("the member of `{}` ended: {status}", fan_out::GROUP).into()),
        }
    }
}
