//! The services as an operator runs them: the release binary, one process each, on a broker, a
//! registry and a database.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use orderly_harness::{Kafka, Postgres, Program, Registry, TestDatabase};

use crate::{
    Error,
    cargo::{cargo, target},
    report::Report,
};

/// In the order in which they are started.
const SERVICES: [&str; 5] = ["history", "fulfilment", "outbox-relay", "notifications", "order-api"];
const READY: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(50);

/// The parts, and the services on them.
pub(super) struct Services {
    // First, so that they end before their parts.
    running: Vec<(&'static str, Program)>,
    kafka: Kafka,
    _registry: Registry,
    _database: TestDatabase,
    _postgres: Postgres,
}

/// The `orderly` binary; up to date, it takes no time.
pub(super) async fn build() -> Result<PathBuf, Error> {
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

impl Services {
    pub(super) async fn start(binary: &Path, report: &mut Report) -> Result<Self, Error> {
        eprintln!("starting Kafka, a registry, Postgres and the services");
        let parts = tokio::try_join!(Kafka::start(1), Registry::start(), Postgres::start());
        let (kafka, registry, postgres) = parts.map_err(|why| format!("no real parts: {why}"))?;
        report.under("broker", "Apache Kafka 4.3.1, one, on this machine");
        report.under("parts", "Apicurio 3.3.3 and Postgres, on this machine");
        let database = postgres.database().await.map_err(|why| format!("a database: {why}"))?;
        let environment = [
            ("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap().to_owned()),
            ("SCHEMA_REGISTRY_URL", registry.url().to_owned()),
            ("DATABASE_URL", database.url().to_owned()),
        ];
        let environment: Vec<_> =
            environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        apply(binary, environment.clone()).await?;
        let mut services = Self {
            running: Vec::new(),
            kafka,
            _registry: registry,
            _database: database,
            _postgres: postgres,
        };
        for service in SERVICES {
            services.run(service, binary, environment.clone())?;
        }
        for (service, program) in &services.running {
            ready(service, program).await?;
        }
        Ok(services)
    }

    pub(super) fn bootstrap(&self) -> String {
        self.kafka.bootstrap().to_owned()
    }

    pub(super) fn pids(&self) -> Result<Vec<(String, u32)>, Error> {
        let pid = |(name, program): &(&'static str, Program)| {
            let pid = program.pid().map_err(|why| format!("{name}: {why}"))?;
            Ok((String::from(*name), pid))
        };
        self.running.iter().map(pid).collect()
    }

    /// Base URL of order-api.
    pub(super) fn order_api(&self) -> String {
        let found = self.running.iter().find(|(name, _)| *name == "order-api");
        found.map(|(_, program)| format!("http://{}", program.address(0))).unwrap_or_default()
    }

    /// A service that ended takes no memory: that is no figure.
    pub(super) fn still_run(&self) -> Result<(), Error> {
        match self.running.iter().find(|(_, program)| !program.runs()) {
            None => Ok(()),
            Some((name, program)) => Err(format!("{name} ended: {}", program.printed()).into()),
        }
    }

    fn run(
        &mut self,
        service: &'static str,
        binary: &Path,
        mut environment: Vec<(String, String)>,
    ) -> Result<(), Error> {
        let history = self.running.iter().find(|(name, _)| *name == "history");
        let history = history.map(|(_, program)| format!("http://{}", program.address(0)));
        let args = |at: &[String]| {
            let mut args = vec!["run", service, "--ops-listen", &at[1]];
            if matches!(service, "order-api" | "history" | "notifications") {
                args.extend(["--listen", &at[0]]);
            }
            if service == "fulfilment" {
                args.extend(["--stages", "prep=20ms,bake=40ms,oven=20ms"]);
            }
            if let (true, Some(history)) = (service == "order-api", &history) {
                args.extend(["--history", history]);
            }
            args.into_iter().map(Into::into).collect()
        };
        environment.push(("RUST_LOG".into(), "warn,librdkafka=off,rdkafka=off".into()));
        let program = Program::run(service, binary, 2, args, environment);
        self.running.push((service, program.map_err(|why| format!("{service}: {why}"))?));
        Ok(())
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

async fn ready(service: &str, program: &Program) -> Result<(), Error> {
    let url = format!("http://{}/readyz", program.address(1));
    let (client, deadline) = (reqwest::Client::new(), Instant::now() + READY);
    loop {
        let asked = client.get(&url).timeout(Duration::from_secs(2)).send().await;
        if asked.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        if !program.runs() || Instant::now() > deadline {
            return Err(format!("{service} isn't ready; it printed: {}", program.printed()).into());
        }
        tokio::time::sleep(LOOK).await;
    }
}
