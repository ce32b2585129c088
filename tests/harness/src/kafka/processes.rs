//! Brokers as processes of this machine, from the jars that Maven brings.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::config::{CLUSTER, Listener, Spec};
use super::{Broker, Kafka, PART};
use crate::error::NotRun;
use crate::home::home;
use crate::java::{java, maven, run};
use crate::node::Node;
use crate::ports::Port;
use crate::process::{Process, Recipe};
use crate::unique::write_secret;

const POM: &str = include_str!("../../maven/kafka.xml");

const LOGGER: &str = "\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
";

/// Java and the jars.
#[derive(Debug)]
pub(super) struct Installed {
    java: PathBuf,
    jars: PathBuf,
}

/// What a broker has beside the plain: a listener, its settings, users made at the format.
#[derive(Default)]
pub(super) struct More {
    pub(super) listeners: Vec<Listener>,
    pub(super) settings: Vec<(String, String)>,
    pub(super) format: Vec<String>,
    /// Where clients of each broker are to come to, if not to itself.
    pub(super) told: Vec<String>,
}

struct Files {
    dir: PathBuf,
    properties: PathBuf,
    logger: PathBuf,
}

impl Installed {
    pub(super) fn find() -> Result<Self, NotRun> {
        Ok(Self { java: java(PART, 17)?, jars: maven(PART, POM, &[], |_| Ok(()))? })
    }

    /// A JVM with Kafka's classes, to which a main class is given.
    pub(super) fn tool(&self) -> Command {
        let mut java = Command::new(&self.java);
        java.args(["-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp"]).arg(self.jars.join("*"));
        java
    }

    /// Formats and starts the brokers; they aren't ready yet.
    pub(super) fn start(
        &self,
        count: usize,
        dir: TempDir,
        mut more: More,
    ) -> Result<Kafka, NotRun> {
        let mut ports = Vec::new();
        for _ in 0..count {
            ports.push((Port::free(PART)?, Port::free(PART)?));
        }
        let voters: Vec<String> =
            (1..).zip(&ports).map(|(id, (_, c))| format!("{id}@{}", c.address())).collect();
        let mut nodes = Vec::new();
        for (id, (port, controller)) in (1..).zip(ports) {
            let broker = dir.path().join(id.to_string());
            let mut ports = vec![port, controller];
            let told = more.told.get(nodes.len()).cloned();
            let told = told.unwrap_or_else(|| ports[0].address());
            let mut listeners = vec![
                plain("PLAINTEXT", &ports[0], Some(&told)),
                plain("CONTROLLER", &ports[1], None),
            ];
            let is_behind_a_line = told != ports[0].address();
            if is_behind_a_line {
                let own = Port::free(PART)?;
                listeners.push(plain("INTERNAL", &own, Some(&own.address())));
                ports.push(own);
            }
            listeners.append(&mut more.listeners);
            let spec = Spec {
                id,
                listeners,
                inter: if is_behind_a_line { "INTERNAL" } else { "PLAINTEXT" },
                voters: &voters,
                data: broker.join("data").display().to_string(),
                more: more.settings.clone(),
            };
            let files = Files {
                properties: broker.join("server.properties"),
                logger: broker.join("log4j2.properties"),
                dir: broker,
            };
            let denied =
                |e| NotRun::broken(PART, format!("its files in {}: {e}", files.dir.display()));
            fs::create_dir(&files.dir).map_err(denied)?;
            fs::write(&files.logger, LOGGER).map_err(denied)?;
            write_secret(&files.properties, &spec.file()).map_err(denied)?; // it may name passwords
            nodes.push((id, ports, told, files));
        }
        std::thread::scope(|scope| {
            let formats: Vec<_> = nodes
                .iter()
                .map(|node| scope.spawn(|| self.format(&node.3, &more.format)))
                .collect();
            formats
                .into_iter()
                .try_for_each(|format| format.join().map_err(|_| NotRun::broken(PART, "format"))?)
        })?;
        let heap = if count == 1 { "-Xmx512m" } else { "-Xmx384m" };
        let mut brokers = Vec::new();
        for (id, ports, told, files) in nodes {
            let process = Process::spawn(Recipe {
                name: format!("kafka broker {id}"),
                program: self.java.clone(),
                args: [heap.into(), "-Xms128m".into()]
                    .into_iter()
                    .chain(self.classes(&files))
                    .chain(["kafka.Kafka".into(), files.properties.clone().into()])
                    .collect(),
                envs: Vec::new(),
                log: files.dir.join("log"),
                dir: files.dir,
                stop: Signal::SIGTERM,
                user: None,
            });
            let node = Node::Process(process.map_err(|e| NotRun::broken(PART, e))?);
            let address = ports[0].address();
            brokers.push(Broker { node, address, told, _ports: ports });
        }
        Ok(Kafka::of(brokers, Some(dir)))
    }

    fn classes(&self, files: &Files) -> [OsString; 3] {
        let logger = format!("-Dlog4j2.configurationFile={}", files.logger.display());
        [logger.into(), "-cp".into(), self.jars.join("*").into()]
    }

    /// A broker's log directory, and the first metadata in it. The arguments are in a file, since there
    /// may be passwords among them.
    fn format(&self, files: &Files, more: &[String]) -> Result<(), NotRun> {
        let arguments = files.dir.join("format");
        let quote = |arg: &str| format!("\"{}\"\n", arg.replace('\\', r"\\").replace('"', "\\\""));
        let properties = files.properties.display().to_string();
        let fixed = ["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", &properties];
        let text: String =
            fixed.into_iter().chain(more.iter().map(String::as_str)).map(quote).collect();
        write_secret(&arguments, &text)
            .map_err(|e| NotRun::broken(PART, format!("{}: {e}", arguments.display())))?;
        let mut tool = Command::new(&self.java);
        tool.args(["-Xmx128m", "-XX:TieredStopAtLevel=1"]).args(self.classes(files));
        tool.arg(format!("@{}", arguments.display()));
        run(PART, &mut tool, Duration::from_secs(60)).map_err(NotRun::into_broken)
    }
}

fn plain(name: &'static str, port: &Port, advertised: Option<&str>) -> Listener {
    let advertised = advertised.map(str::to_owned);
    Listener { name, bind: port.address(), advertised, protocol: "PLAINTEXT" }
}

/// The way of a process, for one broker or three.
pub(super) fn start(count: usize, told: Vec<String>) -> Result<Kafka, NotRun> {
    let installed = Installed::find()?;
    installed.start(count, home()?.dir(PART)?, More { told, ..More::default() })
}

/// The path is ours: no quotes in it to be careful with.
pub(super) fn text(path: &Path) -> String {
    path.display().to_string()
}
