//! Redis: a container, else the `redis-server` of the system.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::docker::{Container, Engine, Image};
use crate::error::{Fault, NotRun};
use crate::home::home;
use crate::java::run;
use crate::node::{Found, Node, Way};
use crate::ports::Port;
use crate::process::{Process, Recipe};
use crate::unique::unique;

const PART: &str = "redis";
const READY: Duration = Duration::from_secs(30);
/// Each write goes to a file, so that a killed one has it when it starts again.
const KEEP: [&str; 4] = ["--save", "", "--appendonly", "yes"];

/// A Redis of the test's own. It ends when this is dropped, and at the latest with the process.
#[derive(Debug)]
pub struct Redis {
    url: String,
    address: String,
    node: Node,
    _port: Port,
    _dir: Option<TempDir>,
}

impl Redis {
    /// Starts it; returns when it answers.
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
        let mut image = Image::new("redis", "7-alpine", 6379);
        let redis = match Found::look(PART, way, &image).await? {
            Found::Docker(engine) => {
                image.cmd =
                    std::iter::once("redis-server").chain(KEEP).map(str::to_owned).collect();
                Self::contain(engine, image).await?
            }
            Found::Process(why) => Self::spawn().map_err(|e| e.after(why.as_deref()))?,
        };
        redis.ready().await.map_err(|e| NotRun::broken(PART, e))?;
        Ok(redis)
    }

    async fn contain(engine: &'static Engine, image: Image) -> Result<Self, NotRun> {
        let port = Port::free(PART)?;
        let name = format!("orderly-redis-{}", unique());
        let container = Container::run(PART, engine, &name, image, &port, None).await?;
        Ok(Self::of(
            Node::Container(container),
            format!("{}:{}", engine.host, port.number),
            port,
            None,
        ))
    }

    fn spawn() -> Result<Self, NotRun> {
        run(PART, Command::new("redis-server").arg("--version"), Duration::from_secs(10))?;
        let dir = home()?.dir(PART)?;
        let port = Port::free(PART)?;
        let number = port.number.to_string();
        let args = ["--port", &number, "--bind", "127.0.0.1"].into_iter().chain(KEEP);
        let process = Process::spawn(Recipe {
            name: "redis".to_owned(),
            program: PathBuf::from("redis-server"),
            args: args.map(Into::into).collect(),
            envs: Vec::new(),
            dir: dir.path().to_owned(),
            log: dir.path().join("log"),
            stop: Signal::SIGTERM,
            user: None,
        });
        let node = Node::Process(process.map_err(|e| NotRun::broken(PART, e))?);
        Ok(Self::of(node, port.address(), port, Some(dir)))
    }

    fn of(node: Node, address: String, port: Port, dir: Option<TempDir>) -> Self {
        Self { url: format!("redis://{address}"), address, node, _port: port, _dir: dir }
    }

    /// `REDIS_URL`.
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

    /// Starts it at its port, with its data; returns when it answers.
    ///
    /// # Errors
    /// It still runs, or doesn't come up; then the end of its log is in the error.
    pub async fn start_again(&self) -> Result<(), Fault> {
        self.node.start().await?;
        self.ready().await
    }

    async fn ready(&self) -> Result<(), Fault> {
        let answers = || async {
            let ping = tokio::time::timeout(Duration::from_secs(2), ping(&self.address)).await;
            ping.is_ok_and(|pong| pong.is_ok_and(|pong| &pong == b"+PONG"))
        };
        self.node.ready(PART, READY, answers).await
    }
}

async fn ping(address: &str) -> std::io::Result<[u8; 5]> {
    let mut redis = TcpStream::connect(address).await?;
    redis.write_all(b"PING\r\n").await?;
    let mut answer = [0; 5];
    redis.read_exact(&mut answer).await?;
    Ok(answer)
}
