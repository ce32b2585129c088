//! Redis: a container, else the `redis-server` of the system.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::docker::Image;
use crate::error::NotRun;
use crate::home::home;
use crate::java::run;
use crate::node::{Found, Node, Way};
use crate::part::{At, Kind, Part};
use crate::ports::Port;
use crate::process::{Process, Recipe};

const PART: &str = "redis";
/// Each write goes to a file, so that a killed one has it when it starts again.
const KEEP: [&str; 4] = ["--save", "", "--appendonly", "yes"];

/// A Redis of the test's own. It ends when this is dropped, and at the latest with the process.
pub type Redis = Part<RedisServer>;

/// What makes a part a Redis.
pub struct RedisServer {
    url: String,
}

impl Kind for RedisServer {
    const NAME: &'static str = PART;
    const READY: Duration = Duration::from_secs(30);

    async fn answers(&self, address: &str) -> bool {
        let ping = tokio::time::timeout(Duration::from_secs(2), ping(address)).await;
        ping.is_ok_and(|pong| pong.is_ok_and(|pong| &pong == b"+PONG"))
    }
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
                let at = At::contain(PART, engine, image).await?;
                Self::of(RedisServer::at(&at), at, None)
            }
            Found::Process(why) => Self::spawn().map_err(|e| e.after(why.as_deref()))?,
        };
        redis.started().await
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
        let at = At { node, address: port.address(), _port: port };
        Ok(Self::of(RedisServer::at(&at), at, Some(dir)))
    }

    /// `REDIS_URL`.
    pub fn url(&self) -> &str {
        &self.kind.url
    }
}

impl RedisServer {
    fn at(at: &At) -> Self {
        Self { url: format!("redis://{}", at.address) }
    }
}

async fn ping(address: &str) -> std::io::Result<[u8; 5]> {
    let mut redis = TcpStream::connect(address).await?;
    redis.write_all(b"PING\r\n").await?;
    let mut answer = [0; 5];
    redis.read_exact(&mut answer).await?;
    Ok(answer)
}
