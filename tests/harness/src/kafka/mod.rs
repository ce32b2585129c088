//! Kafka: one broker, or three whose controllers outlive the loss of any one.

mod config;
mod wire;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::error::{Fault, NotRun};
use crate::home::home;
use crate::java::{java, maven, run};
use crate::ports::Port;
use crate::process::{Process, Recipe};
use crate::wait::until;

const PART: &str = "kafka";
const POM: &str = include_str!("../../maven/kafka.xml");
/// A cold JVM on a busy machine.
const READY: Duration = Duration::from_secs(90);

/// Brokers of the test's own. Each is named by its node id, as metadata names the leader of a
/// partition: 1, or 1 to 3. They end when this is dropped, and at the latest with the process.
#[derive(Debug)]
pub struct Kafka {
    bootstrap: String,
    brokers: Vec<Broker>, // before the directory: a process ends before its files go
    _dir: TempDir,
}

#[derive(Debug)]
struct Broker {
    process: Process,
    port: Port,
    _controller: Port,
}

impl Kafka {
    /// Starts one broker, or three with a replication factor of three and two in-sync replicas at
    /// least; returns when every broker knows all of them.
    ///
    /// # Errors
    /// [`NotRun`] says what is missing here.
    pub async fn start(brokers: usize) -> Result<Self, NotRun> {
        if ![1, 3].contains(&brokers) {
            return Err(NotRun::broken(PART, format!("1 or 3 brokers, not {brokers}")));
        }
        let made = tokio::task::spawn_blocking(move || Self::spawn(brokers)).await;
        let kafka = made.map_err(|e| NotRun::broken(PART, e))??;
        for node in kafka.nodes() {
            kafka.ready(node, &kafka.nodes()).await.map_err(|e| NotRun::broken(PART, e))?;
        }
        Ok(kafka)
    }

    fn spawn(count: usize) -> Result<Self, NotRun> {
        let java = java(PART, 17)?;
        let jars = maven(PART, POM, &[], |_| Ok(()))?;
        let dir = home()?.dir(PART)?;
        let mut ports = Vec::new();
        for _ in 0..count {
            ports.push((Port::free(PART)?, Port::free(PART)?));
        }
        let voters: Vec<(i32, u16)> =
            (1..).zip(&ports).map(|(id, (_, controller))| (id, controller.number)).collect();
        let mut nodes = Vec::new();
        for (id, (port, controller)) in (1..).zip(ports) {
            let files = config::write(dir.path(), id, port.number, &voters).map_err(|e| {
                NotRun::broken(PART, format!("its files in {}: {e}", dir.path().display()))
            })?;
            nodes.push((id, port, controller, files));
        }
        std::thread::scope(|scope| {
            let formats: Vec<_> =
                nodes.iter().map(|node| scope.spawn(|| format(&java, &jars, &node.3))).collect();
            formats
                .into_iter()
                .try_for_each(|format| format.join().map_err(|_| NotRun::broken(PART, "format"))?)
        })?;
        let heap = if count == 1 { "-Xmx512m" } else { "-Xmx384m" };
        let mut brokers = Vec::new();
        for (id, port, controller, files) in nodes {
            let process = Process::spawn(Recipe {
                name: format!("kafka broker {id}"),
                program: java.clone(),
                args: [heap.into(), "-Xms128m".into()]
                    .into_iter()
                    .chain(jvm(&jars, &files))
                    .chain(["kafka.Kafka".into(), files.properties.clone().into()])
                    .collect(),
                envs: Vec::new(),
                dir: files.dir.clone(),
                log: files.dir.join("log"),
                user: None,
            })
            .map_err(|e| NotRun::broken(PART, e))?;
            brokers.push(Broker { process, port, _controller: controller });
        }
        let addresses: Vec<String> = brokers.iter().map(|broker| broker.port.address()).collect();
        Ok(Self { bootstrap: addresses.join(","), brokers, _dir: dir })
    }

    /// `bootstrap.servers`: all brokers.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The node ids of the brokers.
    pub fn nodes(&self) -> Vec<i32> {
        (1..).take(self.brokers.len()).collect()
    }

    /// Where one broker listens, `host:port`.
    ///
    /// # Errors
    /// There is no such broker.
    pub fn address(&self, node: i32) -> Result<String, Fault> {
        Ok(self.broker(node)?.port.address())
    }

    /// The process id of a broker.
    ///
    /// # Errors
    /// There is no such broker, or it doesn't run.
    pub fn pid(&self, node: i32) -> Result<u32, Fault> {
        self.broker(node)?.process.pid()
    }

    /// kill -9; the broker is gone when this returns.
    ///
    /// # Errors
    /// There is no such broker, or it doesn't run.
    pub async fn kill(&self, node: i32) -> Result<(), Fault> {
        self.broker(node)?.process.kill()
    }

    /// SIGTERM: the broker hands its partitions over and ends; it is gone when this returns.
    ///
    /// # Errors
    /// There is no such broker, it doesn't run, or doesn't end within a minute.
    pub async fn stop(&self, node: i32) -> Result<(), Fault> {
        self.broker(node)?.process.stop(Signal::SIGTERM, Duration::from_secs(60))
    }

    /// SIGSTOP: the broker keeps its connections and answers nothing.
    ///
    /// # Errors
    /// There is no such broker, or it doesn't run.
    pub async fn pause(&self, node: i32) -> Result<(), Fault> {
        self.broker(node)?.process.pause()
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// There is no such broker, or it doesn't run.
    pub async fn resume(&self, node: i32) -> Result<(), Fault> {
        self.broker(node)?.process.resume()
    }

    /// Starts a killed or stopped broker at its port, with its data; returns when it answers.
    ///
    /// # Errors
    /// It still runs, or doesn't come up; then the end of its log is in the error.
    pub async fn start_again(&self, node: i32) -> Result<(), Fault> {
        self.broker(node)?.process.start()?;
        self.ready(node, &[node]).await
    }

    /// A broker answers a metadata request, and names all of `known`.
    async fn ready(&self, node: i32, known: &[i32]) -> Result<(), Fault> {
        let broker = self.broker(node)?;
        let ask = || async {
            if !broker.process.runs() {
                return Err(Fault::new(format!("broker {node} ended:\n{}", broker.process.tail())));
            }
            let listed = wire::brokers(&broker.port.address()).await.unwrap_or_default();
            Ok(known.iter().all(|node| listed.contains(node)).then_some(()))
        };
        let late = || {
            Fault::new(format!(
                "broker {node} isn't ready after {READY:?}:\n{}",
                broker.process.tail()
            ))
        };
        until(READY, ask, late).await
    }

    fn broker(&self, node: i32) -> Result<&Broker, Fault> {
        let index = usize::try_from(node - 1).ok();
        index
            .and_then(|n| self.brokers.get(n))
            .ok_or_else(|| Fault::new(format!("there is no broker {node}")))
    }
}

fn jvm(jars: &Path, files: &config::Files) -> [std::ffi::OsString; 3] {
    let logger = format!("-Dlog4j2.configurationFile={}", files.logger.display());
    [logger.into(), "-cp".into(), jars.join("*").into()]
}

/// A broker's log directory, and the first metadata in it.
fn format(java: &PathBuf, jars: &Path, files: &config::Files) -> Result<(), NotRun> {
    let mut tool = Command::new(java);
    tool.args(["-Xmx128m", "-XX:TieredStopAtLevel=1"]).args(jvm(jars, files));
    tool.args(["kafka.tools.StorageTool", "format", "-t", config::CLUSTER, "-c"])
        .arg(&files.properties);
    run(PART, &mut tool, Duration::from_secs(60)).map_err(NotRun::into_broken)
}
