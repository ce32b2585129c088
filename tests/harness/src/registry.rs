//! Apicurio, which speaks the Confluent registry's API at `/apis/ccompat/v7`.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::docker::Image;
use crate::error::NotRun;
use crate::home::home;
use crate::java::{java, maven};
use crate::node::{Found, Node, Way};
use crate::part::{At, Kind, Part};
use crate::ports::Port;
use crate::process::{Process, Recipe};

const PART: &str = "registry";
const POM: &str = include_str!("../maven/registry.xml");

/// A registry of the test's own. Its schemas are in files, so that it has them when it starts again.
/// It ends when this is dropped, and at the latest with the process.
pub type Registry = Part<Apicurio>;

/// What makes a part a registry.
pub struct Apicurio {
    url: String,
    http: reqwest::Client,
}

impl Kind for Apicurio {
    const NAME: &'static str = PART;
    const READY: Duration = Duration::from_secs(120);

    async fn answers(&self, _: &str) -> bool {
        let subjects = format!("{}/subjects", self.url);
        self.http.get(&subjects).send().await.is_ok_and(|answer| answer.status().is_success())
    }
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
                let at = At::contain(PART, engine, image).await?;
                Self::of(Apicurio::at(&at)?, at, None)
            }
            Found::Process(why) => {
                let made = tokio::task::spawn_blocking(Self::spawn).await;
                made.map_err(|e| NotRun::broken(PART, e))?.map_err(|e| e.after(why.as_deref()))?
            }
        };
        registry.started().await
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
        let at = At { node, address: port.address(), _port: port };
        Ok(Self::of(Apicurio::at(&at)?, at, Some(dir)))
    }

    /// `SCHEMA_REGISTRY_URL`.
    pub fn url(&self) -> &str {
        &self.kind.url
    }
}

impl Apicurio {
    fn at(at: &At) -> Result<Self, NotRun> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).no_proxy().build();
        let http = http.map_err(|e| NotRun::broken(PART, e))?;
        Ok(Self { url: format!("http://{}/apis/ccompat/v7", at.address), http })
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
