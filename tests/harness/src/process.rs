//! A part that runs as a process of this machine: started, killed, paused, started again, and ended
//! with the test process whatever becomes of it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::error::Fault;
use crate::home::home;
use crate::wait::until;

const KILLED: Duration = Duration::from_secs(10);
const STOPPED: Duration = Duration::from_secs(60);

/// How to run a part.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) envs: Vec<(String, String)>,
    pub(crate) dir: PathBuf,
    pub(crate) log: PathBuf,
    /// The signal that asks it to end.
    pub(crate) stop: Signal,
    /// uid and gid, where it mustn't run as we do.
    pub(crate) user: Option<(u32, u32)>,
}

/// A part's process; none while it is killed.
#[derive(Debug)]
pub(crate) struct Process {
    recipe: Recipe,
    child: Mutex<Option<Child>>,
}

impl Process {
    pub(crate) fn spawn(recipe: Recipe) -> Result<Self, Fault> {
        let process = Self { recipe, child: Mutex::new(None) };
        process.start()?;
        Ok(process)
    }

    /// The shell waits for a line before it becomes the part: by then the watchdog knows of it, and if
    /// the test process dies in between, the pipe closes and there is no part.
    pub(crate) fn start(&self) -> Result<(), Fault> {
        let Recipe { name, program, args, envs, dir, log, user, .. } = &self.recipe;
        let failed = |what: &str, e: std::io::Error| Fault::new(format!("{name}: {what}: {e}"));
        let mut slot = self.slot();
        if let Some(child) = slot.as_mut()
            && matches!(child.try_wait(), Ok(None))
        {
            return Err(Fault::new(format!("{name} already runs as process {}", child.id())));
        }
        let home = home()?;
        if let Some(gone) = slot.take() {
            home.tell("ended", gone.id()).map_err(|e| failed("the watchdog", e))?; // ended by itself
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(|e| failed("its log", e))?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", r#"read -r go && exec "$@" </dev/null"#, name.as_str()]);
        command.arg(program).args(args).current_dir(dir).process_group(0).stdin(Stdio::piped());
        command.envs(envs.iter().map(|(name, value)| (name, value)));
        command.stdout(log.try_clone().map_err(|e| failed("its log", e))?).stderr(log);
        if let Some((uid, gid)) = user {
            command.uid(*uid).gid(*gid);
        }
        let mut child = command.spawn().map_err(|e| failed("/bin/sh", e))?;
        home.tell("part", child.id()).map_err(|e| failed("the watchdog", e))?;
        if let Some(mut pipe) = child.stdin.take() {
            pipe.write_all(b"go\n").map_err(|e| failed(&program.display().to_string(), e))?;
        }
        *slot = Some(child);
        Ok(())
    }

    /// The process id; an error while it doesn't run.
    pub(crate) fn pid(&self) -> Result<u32, Fault> {
        let mut slot = self.slot();
        let running = slot
            .as_mut()
            .and_then(|child| matches!(child.try_wait(), Ok(None)).then(|| child.id()));
        running.ok_or_else(|| Fault::new(format!("{} doesn't run", self.recipe.name)))
    }

    pub(crate) fn runs(&self) -> bool {
        self.pid().is_ok()
    }

    /// kill -9, of its children too; it is gone when this returns.
    pub(crate) async fn kill(&self) -> Result<(), Fault> {
        let children = self.slay()?;
        self.ended(KILLED).await?;
        let ask = || async { Ok(children.iter().all(|child| !lives(*child)).then_some(())) };
        until(KILLED, ask, || Fault::new(format!("{}: a child outlives kill -9", self.recipe.name)))
            .await
    }

    /// Stopped first, it can't make children that we don't see.
    fn slay(&self) -> Result<Vec<Pid>, Fault> {
        let pid = self.pid()?;
        self.each("stop", pid, Signal::SIGSTOP)?;
        let children = children(pid);
        self.each("kill", pid, Signal::SIGKILL)?;
        for child in &children {
            let _ = kill(*child, Signal::SIGKILL); // gone already is as good
        }
        Ok(children)
    }

    /// SIGSTOP, to its children too.
    pub(crate) fn pause(&self) -> Result<(), Fault> {
        let pid = self.pid()?;
        self.each("pause", pid, Signal::SIGSTOP)?;
        for child in children(pid) {
            let _ = kill(child, Signal::SIGSTOP);
        }
        Ok(())
    }

    /// SIGCONT, to its children too.
    pub(crate) fn resume(&self) -> Result<(), Fault> {
        let pid = self.pid()?;
        for child in children(pid) {
            let _ = kill(child, Signal::SIGCONT);
        }
        self.each("resume", pid, Signal::SIGCONT)
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(&self) -> Result<(), Fault> {
        let pid = self.pid()?;
        kill(id(pid), self.recipe.stop)
            .map_err(|e| Fault::new(format!("stop {}: {e}", self.recipe.name)))?;
        self.ended(STOPPED).await
    }

    async fn ended(&self, limit: Duration) -> Result<(), Fault> {
        let late = || Fault::new(format!("{} still runs after {limit:?}", self.recipe.name));
        until(limit, || async { Ok((!self.runs()).then_some(())) }, late).await?;
        self.reaped()
    }

    /// The watchdog forgets it: its number may become another's.
    fn reaped(&self) -> Result<(), Fault> {
        let Some(child) = self.slot().take() else { return Ok(()) };
        home()?.tell("ended", child.id()).map_err(|e| Fault::new(format!("the watchdog: {e}")))
    }

    fn each(&self, what: &str, pid: u32, signal: Signal) -> Result<(), Fault> {
        killpg(id(pid), signal).map_err(|e| Fault::new(format!("{what} {}: {e}", self.recipe.name)))
    }

    /// The end of its log, for an error that says why it doesn't start.
    pub(crate) fn tail(&self) -> String {
        let log = fs::read(&self.recipe.log).unwrap_or_default();
        last_lines(&log).unwrap_or_else(|| format!("({} is empty)", self.recipe.log.display()))
    }

    fn slot(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.slay();
        if let Some(child) = self.slot().as_mut() {
            let _ = child.wait(); // after kill -9: at once
        }
        let _ = self.reaped();
    }
}

/// The end of a log; none of an empty one.
pub(crate) fn last_lines(log: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(log);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(25)..].join("\n");
    (!last.trim().is_empty()).then_some(last)
}

fn id(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed())
}

/// Its children: Postgres gives each a process group of its own.
fn children(pid: u32) -> Vec<Pid> {
    let listed = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).or_else(|_| {
        let found = Command::new("pgrep").args(["-P", &pid.to_string()]).output();
        found.map(|out| String::from_utf8_lossy(&out.stdout).into_owned())
    });
    let listed = listed.unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect()
}

/// A zombie lives no more, whoever is to reap it.
fn lives(pid: Pid) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat"));
    let dead = state
        .is_ok_and(|s| s.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')));
    !dead && kill(pid, None).is_ok()
}
