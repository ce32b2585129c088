//! Every service as a process of its own, on real parts that tests may break.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use orderly::{
    demo::{Demo, Load, Site},
    platform::Databases,
};
use orderly_harness::{Kafka, NotRun, Postgres, Program, Registry, TestDatabase};
use orderly_sdk::{Config, away};
use serde_json::Value;

use crate::eventually;

/// The services that orders go through, by name, in the order in which they are started.
pub const SERVICES: [&str; 5] =
    ["history", "fulfilment", "outbox-relay", "notifications", "order-api"];
/// The others: they keep what orders name, and no order waits for them.
pub const KEEPERS: [&str; 2] = ["catalogue", "users"];
/// What orders go through: a kitchen that is large enough for what these tests ask of it.
pub const STAGES: &str = "prep=20ms*8x4,bake=40ms*8x8,oven=20ms*8x4";

/// How long a service may take to be ready, on a busy machine.
const READY: Duration = Duration::from_secs(90);

/// Parts of one platform. Clones share them.
#[derive(Clone)]
pub struct RealParts {
    /// One broker, or three.
    pub kafka: Arc<Kafka>,
    /// The schema registry.
    pub registry: Arc<Registry>,
    /// The database server.
    pub postgres: Arc<Postgres>,
    /// Of names in the cluster and the registry.
    prefix: String,
    /// Of this platform alone.
    database: Arc<TestDatabase>,
}

impl RealParts {
    /// Starts them, for nobody else, and `orderly apply` makes the topics.
    pub async fn start(brokers: usize) -> Result<Self, NotRun> {
        let parts = Self::without_topics(brokers).await?;
        parts.apply().await;
        Ok(parts)
    }

    /// Starts them.
    pub async fn without_topics(brokers: usize) -> Result<Self, NotRun> {
        let (kafka, registry, postgres) =
            tokio::try_join!(Kafka::start(brokers), Registry::start(), Postgres::start())?;
        let database = Arc::new(postgres.database().await.unwrap());
        let (kafka, registry, postgres) = (kafka.into(), registry.into(), postgres.into());
        Ok(Self { kafka, registry, postgres, prefix: String::new(), database })
    }

    /// Another platform on the same parts: names and a database of its own, and no topics yet.
    pub async fn another(&self, prefix: &str) -> Self {
        let database = Arc::new(self.postgres.database().await.unwrap());
        Self { prefix: prefix.to_owned(), database, ..self.clone() }
    }

    /// `orderly apply` makes the topics.
    pub async fn apply(&self) {
        let mut apply = Command::new(binary());
        apply.arg("apply").args(["--prefix", &self.prefix]);
        apply.envs(self.environment()).current_dir(crate::root());
        let applied = tokio::task::spawn_blocking(move || apply.output()).await;
        let applied = applied.unwrap().unwrap();
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    }

    /// As the SDK wants it.
    pub fn config(&self) -> Config {
        Config::new(self.kafka.bootstrap(), self.registry.url()).with_prefix(&self.prefix)
    }

    /// What the services share.
    pub fn databases(&self) -> Databases {
        Databases::shared(self.database_url()).unwrap()
    }

    /// Where that is, with the password.
    pub fn database_url(&self) -> &str {
        self.database.url()
    }

    /// The variables that commands read.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("KAFKA_BOOTSTRAP_SERVERS", self.kafka.bootstrap().to_owned()),
            ("SCHEMA_REGISTRY_URL", self.registry.url().to_owned()),
            ("DATABASE_URL", self.database_url().to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

/// The services, each a process.
pub struct Services {
    /// By name; several of one are numbered: `order-api-2`.
    pub running: BTreeMap<String, Program>,
}

impl Services {
    /// Starts one of each that orders go through and waits until all are ready.
    pub async fn start(parts: &RealParts) -> Self {
        Self::of(parts, &SERVICES).await
    }

    /// The same of each that there is.
    pub async fn start_all(parts: &RealParts) -> Self {
        Self::of(parts, &[&SERVICES[..], &KEEPERS].concat()).await
    }

    async fn of(parts: &RealParts, names: &[&str]) -> Self {
        let mut services = Self { running: BTreeMap::new() };
        for service in names {
            services.add(service, service, parts, &binary(), &[]);
        }
        for service in names {
            services.ready(service).await;
        }
        services
    }

    /// Starts one more, under a name of its own. Doesn't wait for it.
    pub fn add(
        &mut self,
        name: &str,
        service: &str,
        parts: &RealParts,
        program: &Path,
        variables: &[(String, String)],
    ) {
        let history = self.running.get("history").map(|history| history.address(0));
        let args = |at: &[String]| {
            let mut args: Vec<OsString> = vec!["run".into(), service.into()];
            // A killed member's partitions are its successor's after this, and not after 45 s.
            args.extend(["-X".into(), "session.timeout.ms=6000".into()]);
            args.extend(["--ops-listen".into(), at[1].clone().into()]);
            args.extend(["--prefix".into(), parts.prefix.clone().into()]);
            if !matches!(service, "fulfilment" | "outbox-relay") {
                args.extend(["--listen".into(), at[0].clone().into()]);
            }
            if matches!(service, "history" | "fulfilment" | "notifications" | "users") {
                args.extend(["--members".into(), "2".into()]);
            }
            if service == "fulfilment" {
                args.extend(["--stages", STAGES, "--payments", "simulated"].map(Into::into));
            }
            if matches!(service, "order-api" | "catalogue" | "users") {
                args.push("--anonymous".into());
            }
            if service == "order-api" {
                args.extend(["--prices".into(), "as-given".into()]);
            }
            if let (true, Some(history)) = (service == "order-api", history) {
                args.extend(["--history".into(), format!("http://{history}").into()]);
            }
            args
        };
        let mut environment = parts.environment();
        environment.extend(variables.iter().cloned());
        environment.push(("RUST_LOG".into(), "info,librdkafka=off,rdkafka=off".into()));
        let started = Program::run(name, program, 2, args, environment).unwrap();
        self.running.insert(name.to_owned(), started);
    }

    /// The process of that name.
    pub fn get(&self, name: &str) -> &Program {
        &self.running[name]
    }

    /// Base URL of a service's own HTTP.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}", self.get(name).address(0))
    }

    /// Waits until the service says that it is ready; fails the test if it ends, or takes too long.
    pub async fn ready(&self, name: &str) {
        let service = self.get(name);
        let url = format!("http://{}/readyz", service.address(1));
        let (client, deadline) = (reqwest::Client::new(), Instant::now() + READY);
        loop {
            let asked = client.get(&url).timeout(Duration::from_secs(2)).send().await;
            let said = match asked {
                Ok(answer) if answer.status().is_success() => return,
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(error) => error.to_string(),
            };
            let (runs, is_late) = (service.runs(), Instant::now() > deadline);
            let printed = || service.printed();
            assert!(runs && !is_late, "{name} isn't ready, {said}; it printed:\n{}", printed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the service says of its readiness, if it answers.
    pub async fn readiness(&self, name: &str) -> Option<(u16, Value)> {
        let url = format!("http://{}/readyz", self.get(name).address(1));
        let answer = reqwest::get(url).await.ok()?;
        Some((answer.status().as_u16(), answer.json().await.ok()?))
    }

    /// Waits until each member of the service owns partitions: its group isn't in the middle of
    /// sharing them.
    pub async fn shares(&self, name: &str) {
        let shared = || async { is_shared(&self.readiness(name).await?.1).then_some(()) };
        eventually(&format!("the members of {name} share its partitions"), shared).await;
    }

    /// A run of the demo on them.
    pub async fn demo(&self, parts: &RealParts, load: Load) -> Demo {
        let stages: fulfilment::Stages = STAGES.parse().unwrap();
        let begin = || async {
            let (api, databases) = (self.url("order-api"), parts.databases());
            let site = Site::of_services(parts.config(), api, databases).await.unwrap();
            match Demo::on(site, load.clone(), stages.total()).await {
                Ok(demo) => Some(demo),
                // The leader of a partition that was just made may not know it yet.
                Err(error) if away(&error).is_some() => None,
                Err(error) => panic!("{error}"),
            }
        };
        eventually("a run begins", begin).await
    }
}

fn is_shared(said: &Value) -> bool {
    let members = said["members"].as_array().map_or(&[][..], Vec::as_slice);
    !members.is_empty() && members.iter().all(|member| member["partitions"] != 0)
}

/// The `orderly` binary of this workspace, built as the tests are; or the one that `ORDERLY_TEST_BINARY`
/// names, as for load that an unoptimised one can't bear.
pub fn binary() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let found = || match std::env::var_os("ORDERLY_TEST_BINARY") {
        Some(named) => named.into(),
        None => build("orderly", &[]),
    };
    BUILT.get_or_init(found).clone()
}

/// Builds a binary of the command's package where these tests were built; up to date, it takes no
/// time.
pub fn build(name: &str, features: &[&str]) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    // target/<profile>/deps/<test>
    let profile = tests.ancestors().nth(2).unwrap();
    let target = profile.parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    // Of the whole workspace, as the tests are: of one package alone, what it rests on would have
    // other features, and be built a second time.
    cargo.args(["build", "--locked", "--workspace", "--bin", name]);
    cargo.arg("--target-dir").arg(target).current_dir(crate::root());
    // What cargo says of the test's package is not for the build: some packages build anew for it.
    let of_test = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_test) {
            cargo.env_remove(name);
        }
    }
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let tls = if orderly_sdk::HAS_TLS { &["orderly/tls"][..] } else { &[] };
    for feature in features.iter().chain(tls) {
        cargo.args(["--features", feature]);
    }
    let built = cargo.output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    profile.join(name)
}
