//! Kafka Connect with Debezium's connectors: one worker, as a process of its own. What it runs is asked
//! for over HTTP.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use orderly_harness::Program;
use serde_json::Value;
use tempfile::TempDir;

use super::java_and_jars;
use crate::{Error, system::until_ready};

const PART: &str = "connect-peer";
const POM: &str = include_str!("../../peers/connect/pom.xml");
const STARTING: Duration = Duration::from_secs(60);
/// Of a task's trace, what is told.
const MOST_TOLD: usize = 400;
const LOOK: Duration = Duration::from_millis(50);

/// What runs it.
pub(crate) struct Connect {
    java: PathBuf,
    jars: PathBuf,
}

/// One that runs.
pub(crate) struct Worker {
    program: Program,
    http: reqwest::Client,
    _dir: TempDir,
}

impl Connect {
    /// Brings the jars.
    pub(crate) async fn ready() -> Result<Self, Error> {
        eprintln!("fetching Kafka Connect and Debezium's connectors, the first time for a minute");
        let (java, jars) = java_and_jars(PART, POM).await?;
        Ok(Self { java, jars })
    }

    /// Starts a worker.
    pub(crate) async fn start(&self, bootstrap: &str) -> Result<Worker, Error> {
        let dir = tempfile::tempdir()?;
        let settings = dir.path().join("worker.properties");
        let args = |at: &[String]| {
            let offsets = dir.path().join("offsets");
            // What can't be written makes the worker end, which is told.
            let _ = std::fs::write(
                &settings,
                format!(
                    "bootstrap.servers={bootstrap}\nlisteners=http://{}\n\
                     offset.storage.file.filename={}\nplugin.discovery=hybrid_warn\n\
                     connector.client.config.override.policy=All\n\
                     key.converter=org.apache.kafka.connect.storage.StringConverter\n\
                     value.converter=org.apache.kafka.connect.json.JsonConverter\n",
                    at[0],
                    offsets.display()
                ),
            );
            let class = "org.apache.kafka.connect.cli.ConnectStandalone";
            let jars = self.jars.join("*");
            vec!["-cp".into(), jars.into(), class.into(), settings.clone().into()]
        };
        let program = Program::run(PART, &self.java, 1, args, Vec::new());
        let program = program.map_err(|why| format!("Kafka Connect: {why}"))?;
        let worker = Worker { program, http: reqwest::Client::new(), _dir: dir };
        until_ready(PART, &worker.program, &worker.url(""), STARTING).await?;
        Ok(worker)
    }
}

impl Worker {
    /// Runs a connector of that name.
    pub(crate) async fn run(&self, name: &str, config: &Value) -> Result<(), Error> {
        let put = self.http.put(self.url(&format!("/{name}/config"))).json(config);
        put.send().await?.error_for_status()?;
        Ok(())
    }

    /// Has it end, and keep how far it is.
    pub(crate) async fn stop(&self, name: &str) -> Result<(), Error> {
        self.http.put(self.url(&format!("/{name}/stop"))).send().await?.error_for_status()?;
        Ok(())
    }

    /// Has it go on.
    pub(crate) async fn resume(&self, name: &str) -> Result<(), Error> {
        self.http.put(self.url(&format!("/{name}/resume"))).send().await?.error_for_status()?;
        Ok(())
    }

    /// Ends it for good.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), Error> {
        self.http.delete(self.url(&format!("/{name}"))).send().await?.error_for_status()?;
        Ok(())
    }

    /// What its first task failed with, as far as it says.
    pub(crate) async fn trace(&self, name: &str) -> Result<String, Error> {
        let status = self.status(name).await?;
        let trace = status["tasks"][0]["trace"].as_str().unwrap_or("it says nothing");
        Ok(trace.chars().take(MOST_TOLD).collect())
    }

    /// Waits until its first task runs; an error where it fails, or takes longer than that.
    pub(crate) async fn until_running(&self, name: &str, within: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + within;
        loop {
            let status = self.status(name).await?;
            match status["tasks"][0]["state"].as_str() {
                Some("RUNNING") => return Ok(()),
                Some("FAILED") => return Err(self.trace(name).await?.into()),
                _ if Instant::now() > deadline => {
                    return Err(format!("it isn't running: {status}").into());
                }
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }

    async fn status(&self, name: &str) -> Result<Value, Error> {
        Ok(self.http.get(self.url(&format!("/{name}/status"))).send().await?.json().await?)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/connectors{path}", self.program.address(0))
    }
}
