//! Any program as a part: what is under test, as a process of its own.

use std::{ffi::OsString, path::Path};

use nix::sys::signal::Signal;

use crate::{
    error::{Fault, NotRun},
    home::home,
    ports::Port,
    process::{Process, Recipe},
};

/// A program that runs, with free ports of its own. Ended by drop, and with the test process.
#[derive(Debug)]
pub struct Program {
    process: Process,
    ports: Vec<Port>,
    _dir: tempfile::TempDir,
}

impl Program {
    /// Runs `program` with `ports` free ports, which `args` is given, and these variables beside
    /// those of the test process.
    pub fn run(
        name: &str,
        program: &Path,
        ports: usize,
        args: impl FnOnce(&[String]) -> Vec<OsString>,
        envs: Vec<(String, String)>,
    ) -> Result<Self, NotRun> {
        let ports = (0..ports).map(|_| Port::free(name)).collect::<Result<Vec<_>, _>>()?;
        let addresses: Vec<_> = ports.iter().map(Port::address).collect();
        let dir = home()?.dir(name)?;
        let process = Process::spawn(Recipe {
            name: name.to_owned(),
            program: program.to_owned(),
            args: args(&addresses),
            envs,
            dir: dir.path().to_owned(),
            log: dir.path().join("log"),
            stop: Signal::SIGTERM,
            user: None,
        })
        .map_err(|fault| NotRun::broken(name, fault.to_string()))?;
        Ok(Self { process, ports, _dir: dir })
    }

    /// Its ports: `127.0.0.1:…`. They stay its own while it is down.
    pub fn address(&self, number: usize) -> String {
        self.ports[number].address()
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.process.runs()
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Result<u32, Fault> {
        self.process.pid()
    }

    /// The end of what it printed.
    pub fn printed(&self) -> String {
        self.process.tail()
    }

    /// kill -9.
    pub async fn kill(&self) -> Result<(), Fault> {
        self.process.kill().await
    }

    /// SIGSTOP.
    pub fn pause(&self) -> Result<(), Fault> {
        self.process.pause()
    }

    /// SIGCONT.
    pub fn resume(&self) -> Result<(), Fault> {
        self.process.resume()
    }

    /// SIGTERM, and waits until it has ended.
    pub async fn stop(&self) -> Result<(), Fault> {
        self.process.stop().await
    }

    /// Runs it again, on the same ports.
    pub fn start_again(&self) -> Result<(), Fault> {
        self.process.start()
    }
}
