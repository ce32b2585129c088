//! Apicurio, which speaks the Confluent registry's API at `/apis/ccompat/v7`.

use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::error::{Fault, NotRun};
use crate::home::home;
use crate::java::{java, maven};
use crate::ports::Port;
use crate::process::{Process, Recipe};
use crate::wait::until;

const PART: &str = "registry";
const POM: &str = include_str!("../maven/registry.xml");
const READY: Duration = Duration::from_secs(120);

/// A registry of the test's own. Its schemas are in files, so that it has them when it starts again.
/// It ends when this is dropped, and at the latest with the process.
#[derive(Debug)]
pub struct Registry {
    url: String,
    process: Process,
    port: Port,
    _dir: TempDir,
}

impl Registry {
    /// Starts a registry; returns when it answers.
    ///
    /// # Errors
    /// [`NotRun`] says what is missing here.
    pub async fn start() -> Result<Self, NotRun> {
        let made = tokio::task::spawn_blocking(Self::spawn).await;
        let registry = made.map_err(|e| NotRun::broken(PART, e))??;
        registry.ready().await.map_err(|e| NotRun::broken(PART, e))?;
        Ok(registry)
    }

    fn spawn() -> Result<Self, NotRun> {
        let java = java(PART, 21)?;
        let app = maven(PART, POM, &[], |_| Ok(()))?;
        let dir = home()?.dir(PART)?;
        let port = Port::free(PART)?;
        let data = dir.path().join("registry");
        let process = Process::spawn(Recipe {
            name: "registry".to_owned(),
            program: java,
            args: vec!["-Xmx512m".into(), "-jar".into(), app.join("quarkus-run.jar").into()],
            envs: vec![
                ("QUARKUS_HTTP_HOST", "127.0.0.1".to_owned()),
                ("QUARKUS_HTTP_PORT", port.number.to_string()),
                ("QUARKUS_MANAGEMENT_HOST", "127.0.0.1".to_owned()),
                ("QUARKUS_MANAGEMENT_PORT", "0".to_owned()), // any: nothing asks it
                ("QUARKUS_LOG_LEVEL", "WARN".to_owned()),
                ("APICURIO_DATASOURCE_URL", format!("jdbc:h2:file:{}", data.display())),
            ],
            dir: dir.path().to_owned(),
            log: dir.path().join("log"),
            user: None,
        })
        .map_err(|e| NotRun::broken(PART, e))?;
        Ok(Self {
            url: format!("http://{}/apis/ccompat/v7", port.address()),
            process,
            port,
            _dir: dir,
        })
    }

    /// `SCHEMA_REGISTRY_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens, `host:port`.
    pub fn address(&self) -> String {
        self.port.address()
    }

    /// Its process id.
    ///
    /// # Errors
    /// It doesn't run.
    pub fn pid(&self) -> Result<u32, Fault> {
        self.process.pid()
    }

    /// kill -9; it is gone when this returns.
    ///
    /// # Errors
    /// It doesn't run.
    pub async fn kill(&self) -> Result<(), Fault> {
        self.process.kill()
    }

    /// SIGTERM; it is gone when this returns.
    ///
    /// # Errors
    /// It doesn't run, or doesn't end within a minute.
    pub async fn stop(&self) -> Result<(), Fault> {
        self.process.stop(Signal::SIGTERM, Duration::from_secs(60))
    }

    /// SIGSTOP.
    ///
    /// # Errors
    /// It doesn't run.
    pub async fn pause(&self) -> Result<(), Fault> {
        self.process.pause()
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// It doesn't run.
    pub async fn resume(&self) -> Result<(), Fault> {
        self.process.resume()
    }

    /// Starts it at its port, with its schemas; returns when it answers.
    ///
    /// # Errors
    /// It still runs, or doesn't come up; then the end of its log is in the error.
    pub async fn start_again(&self) -> Result<(), Fault> {
        self.process.start()?;
        self.ready().await
    }

    async fn ready(&self) -> Result<(), Fault> {
        let subjects = format!("{}/subjects", self.url);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).no_proxy().build();
        let http = http.map_err(Fault::new)?;
        let ask = || async {
            if !self.process.runs() {
                return Err(Fault::new(format!("the registry ended:\n{}", self.process.tail())));
            }
            let answered =
                http.get(&subjects).send().await.is_ok_and(|answer| answer.status().is_success());
            Ok(answered.then_some(()))
        };
        let late = || {
            Fault::new(format!(
                "the registry isn't ready after {READY:?}:\n{}",
                self.process.tail()
            ))
        };
        until(READY, ask, late).await
    }
}
