//! Java that is new enough, and the jars that Maven brings: the pom files in `maven/` name them.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::cache;
use crate::error::NotRun;
use crate::home::home;

/// A `java` of at least this major version: in `JAVA_HOME`, on `PATH`, in /usr/lib/jvm.
///
/// # Errors
/// [`NotRun`] says for which part it is missing, and what there is.
pub fn java(part: &str, oldest: u32) -> Result<PathBuf, NotRun> {
    let home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    let mut installed: Vec<PathBuf> = std::fs::read_dir("/usr/lib/jvm")
        .map(|dir| dir.flatten().map(|jvm| jvm.path().join("bin/java")).collect())
        .unwrap_or_default();
    installed.sort();
    let mut older = Vec::new();
    for java in home.into_iter().chain([PathBuf::from("java")]).chain(installed) {
        match version(&java) {
            Some(version) if version >= oldest => return Ok(java),
            Some(version) => older.push(version.to_string()),
            None => {}
        }
    }
    let found =
        if older.is_empty() { "none".to_owned() } else { format!("only {}", older.join(", ")) };
    let why = format!(
        "Java {oldest} or newer is missing (JAVA_HOME, PATH and /usr/lib/jvm have {found})"
    );
    Err(NotRun::missing(part, why))
}

fn version(java: &Path) -> Option<u32> {
    let said = Command::new(java).arg("-version").stdin(Stdio::null()).output().ok()?.stderr;
    let said = String::from_utf8_lossy(&said).into_owned();
    let number = said.split_once("version \"")?.1;
    let number = number.strip_prefix("1.").unwrap_or(number); // Java 8 says 1.8
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The directory with what `pom` names, from the cache or by Maven. `unpack` finishes what Maven left.
///
/// # Errors
/// [`NotRun`]: there is no Maven, or it can't bring them.
pub fn maven(
    part: &str,
    pom: &str,
    settings: &[String],
    unpack: impl FnOnce(&Path) -> Result<(), NotRun>,
) -> Result<PathBuf, NotRun> {
    cache::keep(part, &format!("{pom}{settings:?}"), |into| {
        let file = into.join("pom.xml");
        let broken = |e| NotRun::broken(part, format!("{}: {e}", file.display()));
        std::fs::write(&file, pom).map_err(broken)?;
        let mut mvn = Command::new("mvn");
        mvn.args(["-B", "-q", "generate-resources", "-f"]).arg(&file).args(settings);
        mvn.arg(format!("-Dinto={}", into.display()));
        run(part, &mut mvn, cache::DOWNLOAD)?;
        unpack(into)
    })
}

/// Runs a tool to its end, bounded; what it said is in the error.
pub(crate) fn run(part: &str, command: &mut Command, limit: Duration) -> Result<(), NotRun> {
    let name = command.get_program().to_string_lossy().into_owned();
    let (status, said) = to_end(part, command, limit)?;
    if status.is_some_and(|status| status.success()) {
        return Ok(());
    }
    let how =
        status.map_or_else(|| format!("took more than {limit:?}"), |status| status.to_string());
    Err(NotRun::missing(part, format!("{name}: {how}\n{}", said.trim())))
}

/// How a program ended, and what it said; no status: it was killed at the limit.
pub(crate) fn to_end(
    part: &str,
    command: &mut Command,
    limit: Duration,
) -> Result<(Option<ExitStatus>, String), NotRun> {
    let name = command.get_program().to_string_lossy().into_owned();
    let broken = |e: std::io::Error| NotRun::broken(part, format!("{name}: {e}"));
    let said = tempfile::NamedTempFile::new().map_err(broken)?;
    let out = said.reopen().map_err(broken)?;
    command
        .stdin(Stdio::null())
        .stderr(out.try_clone().map_err(broken)?)
        .stdout(out)
        .process_group(0);
    let mut child = command.spawn().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => NotRun::missing(part, format!("{name} is missing")),
        _ => broken(e),
    })?;
    let _ = home()?.tell("part", child.id()); // a download ends with the test process, too
    let end = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(broken)? {
            break Some(status);
        }
        if Instant::now() > end {
            let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
            let _ = child.wait();
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let _ = home()?.tell("ended", child.id());
    let mut text = String::new();
    let _ = said.reopen().map_err(broken)?.read_to_string(&mut text);
    Ok((status, text))
}
