//! Postgres, from the binaries that Maven brings. As root it runs as another user, since it refuses to
//! run as root.

mod database;
mod files;

use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

pub use database::TestDatabase;

use crate::error::{Fault, NotRun};
use crate::ports::Port;
use crate::process::{Process, Recipe};
use crate::wait::until;

const PART: &str = "postgres";
const READY: Duration = Duration::from_secs(60);

/// A Postgres of the test's own. It ends when this is dropped, and at the latest with the process.
///
/// `fsync` is off unless asked for: what was committed outlives a kill -9, as the machine runs on.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    port: Port,
    password: String,
    password_file: PathBuf,
    _dir: TempDir,
}

impl Postgres {
    /// Starts a server; returns when it answers.
    ///
    /// # Errors
    /// [`NotRun`] says what is missing here.
    pub async fn start() -> Result<Self, NotRun> {
        Self::start_with(&[]).await
    }

    /// With settings of postgresql.conf, as `("fsync", "on")`.
    ///
    /// # Errors
    /// [`NotRun`] says what is missing here.
    pub async fn start_with(settings: &[(&str, &str)]) -> Result<Self, NotRun> {
        let settings: Vec<String> =
            settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let made = tokio::task::spawn_blocking(move || Self::spawn(&settings)).await;
        let postgres = made.map_err(|e| NotRun::broken(PART, e))??;
        postgres.ready().await.map_err(|e| NotRun::broken(PART, e))?;
        Ok(postgres)
    }

    fn spawn(settings: &[String]) -> Result<Self, NotRun> {
        let made = files::make()?;
        let port = Port::free(PART)?;
        let fixed = [
            format!("port={}", port.number),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "max_connections=200".to_owned(),
            "shared_buffers=64MB".to_owned(),
            "fsync=off".to_owned(),
            "dynamic_shared_memory_type=mmap".to_owned(), // in the data directory: nothing is left in /dev/shm
        ];
        let args = fixed.iter().chain(settings).flat_map(|set| ["-c".into(), set.into()]);
        let process = Process::spawn(Recipe {
            name: "postgres".to_owned(),
            program: made.bin.join("postgres"),
            args: ["-D".into(), made.data.clone().into()].into_iter().chain(args).collect(),
            envs: vec![("LC_ALL", "C".to_owned())],
            dir: made.data.clone(),
            log: made.dir.path().join("log"),
            user: made.user,
        })
        .map_err(|e| NotRun::broken(PART, e))?;
        Ok(Self {
            process,
            port,
            password: made.password,
            password_file: made.password_file,
            _dir: made.dir,
        })
    }

    /// `postgres://orderly:…@127.0.0.1:port/postgres`, with the password: for `DATABASE_URL`, never for
    /// a command line.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The url of another database of this server.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://{}:{}@{}/{database}", files::OWNER, self.password, self.port.address())
    }

    /// The url without the password, for a command line beside `PGPASSWORD` or `PGPASSFILE`.
    pub fn open_url(&self) -> String {
        format!("postgres://{}@{}/postgres", files::OWNER, self.port.address())
    }

    /// For `PGPASSWORD`.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// A file that holds the password and nothing else.
    pub fn password_file(&self) -> &std::path::Path {
        &self.password_file
    }

    /// Where it listens, `host:port`.
    pub fn address(&self) -> String {
        self.port.address()
    }

    /// A fresh database of this server, dropped with its holder.
    ///
    /// # Errors
    /// The server doesn't answer.
    pub async fn database(&self) -> Result<TestDatabase, Fault> {
        TestDatabase::create(&self.url()).await
    }

    /// The process id of the postmaster.
    ///
    /// # Errors
    /// It doesn't run.
    pub fn pid(&self) -> Result<u32, Fault> {
        self.process.pid()
    }

    /// kill -9 of the whole server; it is gone when this returns.
    ///
    /// # Errors
    /// It doesn't run.
    pub async fn kill(&self) -> Result<(), Fault> {
        self.process.kill()
    }

    /// A fast shutdown: open transactions are rolled back, clients are told; gone when this returns.
    ///
    /// # Errors
    /// It doesn't run, or doesn't end within a minute.
    pub async fn stop(&self) -> Result<(), Fault> {
        self.process.stop(Signal::SIGINT, Duration::from_secs(60))
    }

    /// SIGSTOP of the whole server: connections stay and nothing is answered.
    ///
    /// # Errors
    /// It doesn't run.
    pub async fn pause(&self) -> Result<(), Fault> {
        self.process.pause()
    }

    /// SIGCONT of the whole server.
    ///
    /// # Errors
    /// It doesn't run.
    pub async fn resume(&self) -> Result<(), Fault> {
        self.process.resume()
    }

    /// Starts it at its port, with its data; returns when it answers.
    ///
    /// # Errors
    /// It still runs, or doesn't come up; then the end of its log is in the error.
    pub async fn start_again(&self) -> Result<(), Fault> {
        self.process.start()?;
        self.ready().await
    }

    async fn ready(&self) -> Result<(), Fault> {
        let url = self.url();
        let ask = || async {
            if !self.process.runs() {
                return Err(Fault::new(format!("postgres ended:\n{}", self.process.tail())));
            }
            Ok(database::answers(&url).await.then_some(()))
        };
        let late = || {
            Fault::new(format!("postgres isn't ready after {READY:?}:\n{}", self.process.tail()))
        };
        until(READY, ask, late).await
    }
}
