//! Apicurio, which speaks the Confluent registry's API at `/apis/ccompat/v7`.

use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::docker::{Container, Engine, Image};
use crate::error::{Fault, NotRun};
use crate::home::home;
use crate::java::{java, maven};
use crate::node::{Found, Node, Way};
use crate::ports::Port;
use crate::process::{Process, Recipe};
use crate::unique::unique;

const PART: &str = "registry";
const POM: &str = include_str!("../maven/registry.xml");
const READY: Duration = Duration::from_secs(120);

/// A registry of the test's own. Its schemas are in files, so that it has them when it starts again.
/// It ends when this is dropped, and at the latest with the process.
#[derive(Debug)]
pub struct Registry {
    url: String,
    address: String,
    node: Node,
    _port: Port,
    _dir: Option<TempDir>,
}

impl Registry {
    /// Starts a registry; returns when it answers.
    ///
    /// # Errors
    /// [`NotRun`] says what is missing here.
    pub async fn start() -> Result<Self, NotRun> {
        Self::launch(None).await
    }

    /// By this way and no other.
    ///
    /// # Errors
    /// [`NotRun`] says what is missing here.
    pub async fn start_by(way: Way) -> Result<Self, NotRun> {
        Self::launch(Some(way)).await
    }

    async fn launch(way: Option<Way>) -> Result<Self, NotRun> {
        let mut image = Image::new("apicurio/apicurio-registry", "3.3.3", 8080);
        let registry = match Found::look(PART, way, &image).await? {
            Found::Docker(engine) => {
                image.envs = settings("/tmp/orderly-registry");
                Self::contain(engine, image).await?
            }
            Found::Process(why) => {
                let made = tokio::task::spawn_blocking(Self::spawn).await;
                made.map_err(|e| NotRun::broken(PART, e))?.map_err(|e| e.after(why.as_deref()))?
            }
        };
        registry.ready().await.map_err(|e| NotRun::broken(PART, e))?;
        Ok(registry)
    }

    async fn contain(engine: &'static Engine, image: Image) -> Result<Self, NotRun> {
        let port = Port::free(PART)?;
        let name = format!("orderly-registry-{}", unique());
        let container = Container::run(PART, engine, &name, image, &port, None).await?;
        Ok(Self::of(
            Node::Container(container),
            format!("{}:{}", engine.host, port.number),
            port,
            None,
        ))
    }

    fn spawn() -> Result<Self, NotRun> {
        let java = java(PART, 21)?;
        let app = maven(PART, POM, &[], |_| Ok(()))?;
        let dir = home()?.dir(PART)?;
        let port = Port::free(PART)?;
        let mut envs = settings(&dir.path().join("registry").display().to_string());
        envs.extend([
            ("QUARKUS_HTTP_HOST".to_owned(), "127.0.0.1".to_owned()),
            ("QUARKUS_HTTP_PORT".to_owned(), port.number.to_string()),
            ("QUARKUS_MANAGEMENT_HOST".to_owned(), "127.0.0.1".to_owned()),
            ("QUARKUS_MANAGEMENT_PORT".to_owned(), "0".to_owned()), // any: nothing asks it
        ]);
        let process = Process::spawn(Recipe {
            name: "registry".to_owned(),
            program: java,
            args: ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar"]
                .into_iter()
                .map(Into::into)
                .chain([app.join("quarkus-run.jar").into()])
                .collect(),
            envs,
            dir: dir.path().to_owned(),
            log: dir.path().join("log"),
            stop: Signal::SIGTERM,
            user: None,
        });
        let node = Node::Process(process.map_err(|e| NotRun::broken(PART, e))?);
        Ok(Self::of(node, port.address(), port, Some(dir)))
    }

    fn of(node: Node, address: String, port: Port, dir: Option<TempDir>) -> Self {
        Self {
            url: format!("http://{address}/apis/ccompat/v7"),
            address,
            node,
            _port: port,
            _dir: dir,
        }
    }

    /// `SCHEMA_REGISTRY_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens, `host:port`.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Its process id.
    ///
    /// # Errors
    /// It doesn't run, or runs in a container.
    pub fn pid(&self) -> Result<u32, Fault> {
        self.node.pid()
    }

    /// The way it was found.
    pub fn way(&self) -> Way {
        self.node.way()
    }

    /// kill -9; it is gone when this returns.
    ///
    /// # Errors
    /// It doesn't run.
    pub async fn kill(&self) -> Result<(), Fault> {
        self.node.kill().await
    }

    /// Asks it to end: SIGTERM. It is gone when this returns.
    ///
    /// # Errors
    /// It doesn't run, or doesn't end within a minute.
    pub async fn stop(&self) -> Result<(), Fault> {
        self.node.stop().await
    }

    /// SIGSTOP: connections stay and nothing is answered.
    ///
    /// # Errors
    /// It doesn't run.
    pub async fn pause(&self) -> Result<(), Fault> {
        self.node.pause().await
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// It doesn't run.
    pub async fn resume(&self) -> Result<(), Fault> {
        self.node.resume().await
    }

    /// Starts it at its port, with its schemas; returns when it answers.
    ///
    /// # Errors
    /// It still runs, or doesn't come up; then the end of its log is in the error.
    pub async fn start_again(&self) -> Result<(), Fault> {
        self.node.start().await?;
        self.ready().await
    }

    async fn ready(&self) -> Result<(), Fault> {
        let subjects = format!("{}/subjects", self.url);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).no_proxy().build();
        let http = http.map_err(Fault::new)?;
        let answers = || async {
            http.get(&subjects).send().await.is_ok_and(|answer| answer.status().is_success())
        };
        self.node.ready("the registry", READY, answers).await
    }
}

/// Its database is a file at `data`, written at each commit: what it acknowledged outlives a kill -9.
fn settings(data: &str) -> Vec<(String, String)> {
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![
        set("QUARKUS_LOG_LEVEL", "WARN"),
        set("APICURIO_DATASOURCE_URL", &format!("jdbc:h2:file:{data};WRITE_DELAY=0")),
    ]
}
