//! Postgres's binaries and its data directory, within reach of the user that it runs as.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::unistd::{User, geteuid};
use tempfile::TempDir;

use super::PART;
use crate::error::NotRun;
use crate::home::home;
use crate::java::{java, maven, run};
use crate::unique::{secret, write_secret};

const POM: &str = include_str!("../../maven/postgres.xml");
/// The superuser, which the tests log in as.
pub(super) const OWNER: &str = "orderly";
const TOOL: Duration = Duration::from_secs(120);

pub(super) struct Made {
    pub(super) bin: PathBuf,
    pub(super) data: PathBuf,
    pub(super) password: String,
    pub(super) user: Option<(u32, u32)>,
    pub(super) dir: TempDir,
}

/// A data directory, ready to be started from.
pub(super) fn make() -> Result<Made, NotRun> {
    let installed = installed()?;
    let dir = home()?.dir(PART)?;
    let denied = |e| NotRun::broken(PART, format!("its files in {}: {e}", dir.path().display()));
    let user = geteuid().is_root().then(other_user);
    let own = |path: &Path| user.map_or(Ok(()), |(uid, gid)| chown(path, Some(uid), Some(gid)));
    own(dir.path()).map_err(denied)?;
    let bin = reachable(&installed, dir.path(), user)?;
    let password = password(dir.path())?;
    let password_file = dir.path().join("password");
    own(&password_file).map_err(denied)?;
    let data = dir.path().join("data");
    let mut initdb = as_user(&bin.join("initdb"), user);
    initdb
        .args(["-U", OWNER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
        .arg(&data);
    initdb.arg("--pwfile").arg(&password_file).current_dir(dir.path()).env("LC_ALL", "C");
    run(PART, &mut initdb, TOOL).map_err(NotRun::into_broken)?;
    Ok(Made { bin, data, password, user, dir })
}

/// A new password, also in a file in `dir`.
pub(super) fn password(dir: &Path) -> Result<String, NotRun> {
    let file = dir.join("password");
    let made = secret().and_then(|password| write_secret(&file, &password).map(|()| password));
    made.map_err(|e| NotRun::broken(PART, format!("{}: {e}", file.display())))
}

/// The directory that Maven's jar was unpacked into.
fn installed() -> Result<PathBuf, NotRun> {
    java(PART, 8)?; // for Maven
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64v8",
        other => {
            return Err(NotRun::missing(
                PART,
                format!("no binaries for {other}; set ORDERLY_TEST_DATABASE"),
            ));
        }
    };
    let platform = [format!("-Dplatform={}-{arch}", std::env::consts::OS)];
    maven(PART, POM, &platform, |into| {
        let found = fs::read_dir(into).ok().and_then(|dir| {
            dir.flatten()
                .map(|entry| entry.path())
                .find(|path| path.extension().is_some_and(|e| e == "txz"))
        });
        let archive =
            found.ok_or_else(|| NotRun::broken(PART, "no .txz in the jar of its binaries"))?;
        run(PART, Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(into), TOOL)?;
        fs::remove_file(&archive)
            .map_err(|e| NotRun::broken(PART, format!("{}: {e}", archive.display())))
    })
}

/// The binaries where they are, or a copy beside the data, where the cache is in a home directory that
/// the other user can't enter.
fn reachable(installed: &Path, dir: &Path, user: Option<(u32, u32)>) -> Result<PathBuf, NotRun> {
    let bin = installed.join("bin");
    if run(PART, as_user(&bin.join("postgres"), user).arg("--version"), TOOL).is_ok() {
        return Ok(bin);
    }
    let copy = dir.join("installed");
    run(PART, Command::new("cp").arg("-R").arg(installed).arg(&copy), TOOL)
        .map_err(NotRun::into_broken)?;
    fs::set_permissions(&copy, PermissionsExt::from_mode(0o755))
        .map_err(|e| NotRun::broken(PART, format!("{}: {e}", copy.display())))?;
    let bin = copy.join("bin");
    run(PART, as_user(&bin.join("postgres"), user).arg("--version"), TOOL).map_err(|e| {
        let user = user.map_or_else(|| "this user".to_owned(), |(uid, _)| format!("uid {uid}"));
        NotRun::missing(PART, format!("{user} can't run it; is TMPDIR out of its reach? {e}"))
    })?;
    Ok(bin)
}

fn as_user(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// Whom root runs it as.
fn other_user() -> (u32, u32) {
    let known =
        ["postgres", "nobody"].into_iter().find_map(|name| User::from_name(name).ok().flatten());
    known.map_or((65534, 65534), |user| (user.uid.as_raw(), user.gid.as_raw()))
}
