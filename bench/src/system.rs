//! The services as an operator runs them: the release binary, one process each, on a broker, a
//! registry and a database.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use orderly_harness::{Kafka, Postgres, Program, Registry, TestDatabase};
use orderly_sdk::Config;

use crate::{
    Error,
    cargo::{cargo, target},
    postgres::database,
    report::Report,
};

/// Those that answer requests.
const LISTENING: [&str; 3] = ["order-api", "history", "notifications"];
pub(crate) const READY: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(50);

/// The parts, with the topics and schemas of the system on them.
pub(crate) struct System {
    binary: PathBuf,
    environment: Vec<(String, String)>,
    kafka: Kafka,
    registry: Registry,
    _database: TestDatabase,
    _postgres: Postgres,
}

/// One service that runs.
pub(crate) struct Service {
    name: &'static str,
    program: Program,
}

/// The `orderly` binary; up to date, it takes no time.
pub(crate) async fn build() -> Result<PathBuf, Error> {
    let target = target()?;
    eprintln!("building the release binary `orderly`, the first time for some minutes");
    tokio::task::spawn_blocking(move || {
        let mut cargo = cargo();
        cargo.args(["build", "--release", "--locked", "-p", "orderly", "--bin", "orderly"]);
        cargo.arg("--target-dir").arg(&target).current_dir(env!("CARGO_MANIFEST_DIR"));
        // Its progress is shown.
        let built = cargo.status().map_err(|why| format!("cargo: {why}"))?;
        if !built.success() {
            return Err("`orderly` can't be built".into());
        }
        Ok(target.join("release/orderly"))
    })
    .await?
}

impl System {
    /// Starts the parts and applies topics.yaml.
    pub(crate) async fn start(binary: PathBuf, report: &mut Report) -> Result<Self, Error> {
        eprintln!("starting Kafka, a registry and Postgres");
        let parts = tokio::try_join!(Kafka::start(1), Registry::start(), Postgres::start());
        let (kafka, registry, postgres) = parts.map_err(|why| format!("no real parts: {why}"))?;
        report.under("broker", "Apache Kafka 4.3.1, one, on this machine");
        report.under("parts", "Apicurio 3.3.3 and Postgres, on this machine");
        let database = database(&postgres).await?;
        let environment = [
            ("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap().to_owned()),
            ("SCHEMA_REGISTRY_URL", registry.url().to_owned()),
            ("DATABASE_URL", database.url().to_owned()),
        ];
        let environment: Vec<_> =
            environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        apply(&binary, environment.clone()).await?;
        Ok(Self { binary, environment, kafka, registry, _database: database, _postgres: postgres })
    }

    pub(crate) fn bootstrap(&self) -> String {
        self.kafka.bootstrap().to_owned()
    }

    /// For the system's own topics.
    pub(crate) fn config(&self) -> Config {
        Config::new(self.kafka.bootstrap(), self.registry.url())
    }

    /// Runs a service; it may not be ready yet.
    pub(crate) fn run(&self, name: &'static str, flags: &[&str]) -> Result<Service, Error> {
        let args = |at: &[String]| {
            let mut args = vec!["run", name, "--ops-listen", &at[1]];
            if LISTENING.contains(&name) {
                args.extend(["--listen", &at[0]]);
            }
            args.extend(flags);
            args.into_iter().map(Into::into).collect()
        };
        let mut environment = self.environment.clone();
        environment.push(("RUST_LOG".into(), "warn,librdkafka=off,rdkafka=off".into()));
        let program = Program::run(name, &self.binary, 2, args, environment);
        Ok(Service { name, program: program.map_err(|why| format!("{name}: {why}"))? })
    }
}

impl Service {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// `127.0.0.1:…`, where it answers requests.
    pub(crate) fn address(&self) -> String {
        self.program.address(0)
    }

    pub(crate) fn pid(&self) -> Result<u32, Error> {
        self.program.pid().map_err(|why| format!("{}: {why}", self.name).into())
    }

    /// A service that ended takes no memory and answers nothing: that is no figure.
    pub(crate) fn still_runs(&self) -> Result<(), Error> {
        if self.program.runs() {
            return Ok(());
        }
        Err(format!("{} ended: {}", self.name, self.program.printed()).into())
    }

    /// Until it says that it is ready.
    pub(crate) async fn ready(&self) -> Result<(), Error> {
        let url = format!("http://{}/readyz", self.program.address(1));
        until_ready(self.name, &self.program, &url, READY).await
    }
}

/// Until `program` answers 200 there; an error where it ends, or takes longer than that.
pub(crate) async fn until_ready(
    name: &str,
    program: &Program,
    url: &str,
    within: Duration,
) -> Result<(), Error> {
    let (client, deadline) = (reqwest::Client::new(), Instant::now() + within);
    loop {
        let asked = client.get(url).timeout(Duration::from_secs(2)).send().await;
        if asked.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        if !program.runs() || Instant::now() > deadline {
            return Err(format!("{name} isn't ready; it printed: {}", program.printed()).into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// `orderly apply` makes the topics and registers the schemas.
async fn apply(binary: &Path, environment: Vec<(String, String)>) -> Result<(), Error> {
    let mut apply = Command::new(binary);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    apply.arg("apply").envs(environment).current_dir(root);
    let applied = tokio::task::spawn_blocking(move || apply.output()).await??;
    if applied.status.success() {
        return Ok(());
    }
    Err(format!("orderly apply: {}", String::from_utf8_lossy(&applied.stderr)).into())
}
