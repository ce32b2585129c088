//! Kafka: one broker, or three whose controllers outlive the loss of any one.

mod config;
mod containers;
mod line;
mod processes;
mod secured;
mod wire;

use std::time::Duration;

use tempfile::TempDir;

pub use line::{Api, Hold, Line, Loss, Then, Until, Whose};
pub use secured::SecuredKafka;

use crate::error::{Fault, NotRun};
use crate::node::{Found, Node, Way};
use crate::ports::Port;
use line::Reserved;

const PART: &str = "kafka";
/// A cold JVM on a busy machine.
const READY: Duration = Duration::from_secs(90);

/// Brokers of the test's own. Each is named by its node id, as metadata names the leader of a
/// partition: 1, or 1 to 3. They end when this is dropped, and at the latest with the process.
#[derive(Debug)]
pub struct Kafka {
    bootstrap: String,
    brokers: Vec<Broker>, // before the directory: a process ends before its files go
    _dir: Option<TempDir>,
}

#[derive(Debug)]
struct Broker {
    node: Node,
    address: String,
    /// What clients are told to come to: the address, or a line before it.
    told: String,
    _ports: Vec<Port>,
}

impl Kafka {
    /// Starts one broker, or three with a replication factor of three and two in-sync replicas at
    /// least; returns when every broker knows all of them.
    ///
    /// # Errors
    /// [`NotRun`] says what is missing here.
    pub async fn start(brokers: usize) -> Result<Self, NotRun> {
        Self::launch(brokers, None, &[]).await
    }

    /// By this way and no other.
    ///
    /// # Errors
    /// [`NotRun`] says what is missing here.
    pub async fn start_by(way: Way, brokers: usize) -> Result<Self, NotRun> {
        Self::launch(brokers, Some(way), &[]).await
    }

    /// Starts them behind a [`Line`], by which clients come to each, wherever they are told to go. Brokers
    /// talk to each other without it.
    ///
    /// # Errors
    /// [`NotRun`] says what is missing here.
    pub async fn start_behind_a_line(brokers: usize) -> Result<(Self, Line), NotRun> {
        let line = Reserved::ports(brokers)?;
        let kafka = Self::launch(brokers, None, &line.addresses()).await?;
        let line = line.open(kafka.brokers.iter().map(|broker| broker.address.clone()));
        Ok((kafka, line))
    }

    /// `told`: where clients are to come to instead, for each broker.
    async fn launch(brokers: usize, way: Option<Way>, told: &[String]) -> Result<Self, NotRun> {
        if ![1, 3].contains(&brokers) {
            return Err(NotRun::broken(PART, format!("1 or 3 brokers, not {brokers}")));
        }
        let kafka = match Found::look(PART, way, &containers::image()).await? {
            Found::Docker(engine) => containers::start(engine, brokers, told).await?,
            Found::Process(why) => {
                let told = told.to_vec();
                let start = move || processes::start(brokers, told);
                let made = tokio::task::spawn_blocking(start).await;
                made.map_err(|e| NotRun::broken(PART, e))?.map_err(|e| e.after(why.as_deref()))?
            }
        };
        kafka.all_ready().await?;
        Ok(kafka)
    }

    fn of(brokers: Vec<Broker>, dir: Option<TempDir>) -> Self {
        let addresses: Vec<&str> = brokers.iter().map(|broker| broker.told.as_str()).collect();
        Self { bootstrap: addresses.join(","), brokers, _dir: dir }
    }

    /// `bootstrap.servers`: all brokers, by their line if they are behind one.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The node ids of the brokers.
    pub fn nodes(&self) -> Vec<i32> {
        (1..).take(self.brokers.len()).collect()
    }

    /// Where one broker itself listens, `host:port`.
    ///
    /// # Errors
    /// There is no such broker.
    pub fn address(&self, node: i32) -> Result<String, Fault> {
        Ok(self.broker(node)?.address.clone())
    }

    /// The process id of a broker.
    ///
    /// # Errors
    /// There is no such broker, it doesn't run, or runs in a container.
    pub fn pid(&self, node: i32) -> Result<u32, Fault> {
        self.broker(node)?.node.pid()
    }

    /// The way it was found.
    pub fn way(&self) -> Way {
        self.brokers.first().map_or(Way::Process, |broker| broker.node.way())
    }

    /// kill -9; the broker is gone when this returns.
    ///
    /// # Errors
    /// There is no such broker, or it doesn't run.
    pub async fn kill(&self, node: i32) -> Result<(), Fault> {
        self.broker(node)?.node.kill().await
    }

    /// SIGTERM: the broker hands its partitions over and ends; it is gone when this returns.
    ///
    /// # Errors
    /// There is no such broker, it doesn't run, or doesn't end within a minute.
    pub async fn stop(&self, node: i32) -> Result<(), Fault> {
        self.broker(node)?.node.stop().await
    }

    /// SIGSTOP: the broker keeps its connections and answers nothing.
    ///
    /// # Errors
    /// There is no such broker, or it doesn't run.
    pub async fn pause(&self, node: i32) -> Result<(), Fault> {
        self.broker(node)?.node.pause().await
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// There is no such broker, or it doesn't run.
    pub async fn resume(&self, node: i32) -> Result<(), Fault> {
        self.broker(node)?.node.resume().await
    }

    /// Starts a killed or stopped broker at its port, with its data; returns when it answers.
    ///
    /// # Errors
    /// It still runs, or doesn't come up; then the end of its log is in the error.
    pub async fn start_again(&self, node: i32) -> Result<(), Fault> {
        self.broker(node)?.node.start().await?;
        self.ready(node, &[node]).await
    }

    /// Creates a topic whose replicas are chosen: each partition's brokers, its leader first.
    ///
    /// # Errors
    /// The broker refuses it, or doesn't answer.
    pub async fn create_topic(&self, name: &str, replicas: &[Vec<i32>]) -> Result<(), Fault> {
        let broker = self.broker(1)?;
        wire::create_topic(&broker.address, name, replicas).await.map_err(Fault::new)
    }

    async fn all_ready(&self) -> Result<(), NotRun> {
        let all = self.nodes();
        for node in &all {
            self.ready(*node, &all).await.map_err(|e| NotRun::broken(PART, e))?;
        }
        Ok(())
    }

    /// A broker answers a metadata request, and names all of `known`.
    async fn ready(&self, node: i32, known: &[i32]) -> Result<(), Fault> {
        let broker = self.broker(node)?;
        let answers = || async {
            let listed = wire::brokers(&broker.address).await.unwrap_or_default();
            known.iter().all(|node| listed.contains(node))
        };
        broker.node.ready(&format!("broker {node}"), READY, answers).await
    }

    fn broker(&self, node: i32) -> Result<&Broker, Fault> {
        let index = usize::try_from(node - 1).ok();
        index
            .and_then(|n| self.brokers.get(n))
            .ok_or_else(|| Fault::new(format!("there is no broker {node}")))
    }
}
