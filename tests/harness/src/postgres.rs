//! Postgres, from the binaries that Maven brings. As root it runs as another user, since it refuses to
//! run as root.

mod database;
mod files;

use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use testcontainers::core::CopyToContainer;

pub use database::TestDatabase;

use crate::docker::{Engine, Image};
use crate::error::{Fault, NotRun};
use crate::home::home;
use crate::node::{Found, Node, Way};
use crate::part::{At, Kind, Part};
use crate::ports::Port;
use crate::process::{Process, Recipe};

const PART: &str = "postgres";
const FIXED: [(&str, &str); 3] =
    [("max_connections", "200"), ("shared_buffers", "64MB"), ("fsync", "off")];

/// A Postgres of the test's own. It ends when this is dropped, and at the latest with the process.
///
/// `fsync` is off unless asked for: what was committed outlives a kill -9, as the machine runs on.
pub type Postgres = Part<PostgresServer>;

/// What makes a part a Postgres.
pub struct PostgresServer {
    password: String,
    password_file: PathBuf,
}

impl Kind for PostgresServer {
    const NAME: &'static str = PART;
    const READY: Duration = Duration::from_secs(60);

    async fn answers(&self, address: &str) -> bool {
        database::answers(&self.url(address, "postgres")).await
    }
}

impl PostgresServer {
    fn url(&self, address: &str, database: &str) -> String {
        format!("postgres://{}:{}@{address}/{database}", files::OWNER, self.password)
    }
}

impl Postgres {
    /// Starts a server; returns when it answers.
    ///
    /// # Errors
    /// [`NotRun`] says what is missing here.
    pub async fn start() -> Result<Self, NotRun> {
        Self::launch(None, &[]).await
    }

    /// With settings of postgresql.conf, as `("fsync", "on")`.
    ///
    /// # Errors
    /// [`NotRun`] says what is missing here.
    pub async fn start_with(settings: &[(&str, &str)]) -> Result<Self, NotRun> {
        Self::launch(None, settings).await
    }

    /// By this way and no other.
    ///
    /// # Errors
    /// [`NotRun`] says what is missing here.
    pub async fn start_by(way: Way) -> Result<Self, NotRun> {
        Self::launch(Some(way), &[]).await
    }

    async fn launch(way: Option<Way>, settings: &[(&str, &str)]) -> Result<Self, NotRun> {
        let set = FIXED
            .iter()
            .chain(settings)
            .flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
        let set: Vec<String> = set.collect();
        let mut image = Image::new("postgres", "17-alpine", 5432);
        let postgres = match Found::look(PART, way, &image).await? {
            Found::Docker(engine) => {
                image.cmd = std::iter::once("postgres".to_owned()).chain(set).collect();
                Self::contain(engine, image).await?
            }
            Found::Process(why) => {
                let made = tokio::task::spawn_blocking(move || Self::spawn(set)).await;
                made.map_err(|e| NotRun::broken(PART, e))?.map_err(|e| e.after(why.as_deref()))?
            }
        };
        postgres.started().await
    }

    async fn contain(engine: &'static Engine, mut image: Image) -> Result<Self, NotRun> {
        let dir = home()?.dir(PART)?;
        let password = files::password(dir.path())?;
        let secret = CopyToContainer::new(password.clone().into_bytes(), "/run/orderly-password");
        image.files.push(secret);
        image.envs = vec![
            ("POSTGRES_USER".to_owned(), files::OWNER.to_owned()),
            ("POSTGRES_PASSWORD_FILE".to_owned(), "/run/orderly-password".to_owned()),
        ];
        let at = At::contain(PART, engine, image).await?;
        let password_file = dir.path().join("password");
        Ok(Self::of(PostgresServer { password, password_file }, at, Some(dir)))
    }

    fn spawn(set: Vec<String>) -> Result<Self, NotRun> {
        let made = files::make()?;
        let port = Port::free(PART)?;
        let here = [
            format!("port={}", port.number),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "dynamic_shared_memory_type=mmap".to_owned(), // in the data directory: nothing is left in /dev/shm
        ];
        let here = here.into_iter().flat_map(|set| ["-c".to_owned(), set]);
        let process = Process::spawn(Recipe {
            name: "postgres".to_owned(),
            program: made.bin.join("postgres"),
            args: ["-D".into(), made.data.clone().into()]
                .into_iter()
                .chain(here.chain(set).map(Into::into))
                .collect(),
            envs: vec![("LC_ALL".to_owned(), "C".to_owned())],
            dir: made.data.clone(),
            log: made.dir.path().join("log"),
            stop: Signal::SIGINT,
            user: made.user,
        });
        let node = Node::Process(process.map_err(|e| NotRun::broken(PART, e))?);
        let at = At { node, address: port.address(), _port: port };
        let password_file = made.dir.path().join("password");
        Ok(Self::of(PostgresServer { password: made.password, password_file }, at, Some(made.dir)))
    }

    /// `postgres://orderly:…@127.0.0.1:port/postgres`, with the password: for `DATABASE_URL`, never for
    /// a command line.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The url of another database of this server.
    pub fn url_of(&self, database: &str) -> String {
        self.kind.url(&self.at.address, database)
    }

    /// The url without the password, for a command line beside `PGPASSWORD` or `PGPASSFILE`.
    pub fn open_url(&self) -> String {
        format!("postgres://{}@{}/postgres", files::OWNER, self.at.address)
    }

    /// For `PGPASSWORD`.
    pub fn password(&self) -> &str {
        &self.kind.password
    }

    /// A file that holds the password and nothing else.
    pub fn password_file(&self) -> PathBuf {
        self.kind.password_file.clone()
    }

    /// A fresh database of this server, dropped with its holder.
    ///
    /// # Errors
    /// The server doesn't answer.
    pub async fn database(&self) -> Result<TestDatabase, Fault> {
        TestDatabase::create(&self.url()).await
    }
}
