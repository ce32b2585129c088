//! Parts end with the process that started them, whatever ends it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use orderly_harness::{Kafka, Postgres, need};

use crate::eventually::eventually;

/// `orderly-parts` with its own temporary directory, and the parts' addresses.
struct Holder {
    process: Child,
    addresses: Vec<String>,
    tmp: tempfile::TempDir,
}

impl Holder {
    async fn of(parts: &'static [&'static str]) -> Self {
        tokio::task::spawn_blocking(move || Self::start(parts)).await.unwrap()
    }

    fn start(parts: &[&str]) -> Self {
        let passable = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        let tmp = tempfile::Builder::new().permissions(passable).tempdir().unwrap();
        let mut holder = Command::new(env!("CARGO_BIN_EXE_orderly-parts"));
        holder.args(parts).env("TMPDIR", tmp.path()).stdout(Stdio::piped());
        let mut process = holder.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().take(parts.len());
        let host_port = |line: String| {
            line.rsplit(['=', '@', ',']).next().unwrap().trim_end_matches("/postgres").to_owned()
        };
        let addresses = lines.map(|line| host_port(line.unwrap())).collect();
        Self { process, addresses, tmp }
    }

    fn answer(&self) -> bool {
        self.addresses.iter().all(|address| TcpStream::connect(address).is_ok())
    }

    fn silent(&self) -> bool {
        self.addresses.iter().all(|address| TcpStream::connect(address).is_err())
    }

    /// Processes whose command line names the holder's temporary directory, but for zombies, whose is empty.
    fn left(&self) -> Vec<PathBuf> {
        let tmp = self.tmp.path().to_str().unwrap().to_owned();
        let named = |dir: &PathBuf| {
            std::fs::read(dir.join("cmdline"))
                .is_ok_and(|c| String::from_utf8_lossy(&c).contains(&tmp))
        };
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
            .filter(named)
            .collect()
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.tmp.path()).unwrap().count()
    }

    async fn ends_by(mut self, signal: Signal) {
        assert!(self.answer(), "{:?}", self.addresses);
        assert!(self.files() > 0);
        assert!(!self.left().is_empty());
        kill(Pid::from_raw(self.process.id().cast_signed()), signal).unwrap();
        self.process.wait().unwrap();
        eventually("the ports are closed", async || self.silent()).await;
        eventually("the processes are gone", async || self.left().is_empty()).await;
        eventually("the files are gone", async || self.files() == 0).await;
    }
}

#[tokio::test]
async fn parts_end_with_a_process_that_is_killed() {
    drop(need!(Kafka::start(1).await));
    drop(need!(Postgres::start().await));
    Holder::of(&["kafka", "postgres"]).await.ends_by(Signal::SIGKILL).await;
}

#[tokio::test]
async fn parts_end_with_a_process_that_aborts() {
    drop(need!(Postgres::start().await));
    Holder::of(&["postgres"]).await.ends_by(Signal::SIGABRT).await;
}

#[tokio::test]
async fn parts_end_with_a_process_that_is_interrupted() {
    drop(need!(Postgres::start().await));
    Holder::of(&["postgres"]).await.ends_by(Signal::SIGINT).await;
}

#[tokio::test]
async fn paused_parts_end_too() {
    drop(need!(Postgres::start().await));
    let holder = Holder::of(&["postgres"]).await;
    for process in holder.left() {
        let command = std::fs::read_to_string(process.join("cmdline")).unwrap();
        if command.contains("/bin/postgres") {
            let pid = process.file_name().and_then(|pid| pid.to_str()).unwrap().parse().unwrap();
            kill(Pid::from_raw(pid), Signal::SIGSTOP).unwrap();
        }
    }
    holder.ends_by(Signal::SIGKILL).await;
}

#[tokio::test]
async fn a_part_ends_when_it_is_dropped() {
    let kafka = need!(Kafka::start(1).await);
    let address = kafka.bootstrap().to_owned();
    assert!(TcpStream::connect(&address).is_ok());
    drop(kafka);
    assert!(TcpStream::connect(&address).is_err());
}
