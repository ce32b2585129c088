//! The temporary directory of this test process, and the watchdog that ends what the process leaves:
//! a small shell that reads a pipe which only this process holds. Exit, panic, abort or kill -9, the
//! pipe closes; the shell then kills every part it was told of and removes the directory.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::error::NotRun;

/// Lines in: `part PID`, `ended PID`, `container NAME`, `network NAME`. Postgres gives each child a
/// process group of its own, so children are killed by parentage as well, while the parent is
/// stopped and can't make more. Disks are known by their name.
const WATCH: &str = r#"
trap '' HUP INT TERM QUIT
PATH=$PATH:/usr/bin:/bin:/usr/local/bin
parts=; containers=; networks=
while IFS=' ' read -r what name; do
  case $what in
    part) parts="$parts $name" ;;
    ended)
      left=
      for part in $parts; do [ "$part" = "$name" ] || left="$left $part"; done
      parts=$left ;;
    container) containers="$containers $name" ;;
    network) networks="$networks $name" ;;
  esac
done
for part in $parts; do
  kill -STOP "$part"
  children=$(cat "/proc/$part/task/$part/children" || pgrep -P "$part")
  kill -KILL "-$part" "$part"
  for child in $children; do kill -KILL "$child"; done
done
if [ -n "$containers" ] && ! docker rm -f -v $containers; then
  for name in $containers; do
    curl -s -X DELETE --unix-socket /var/run/docker.sock "http://engine/containers/$name?force=true&v=true"
  done
fi
for name in $networks; do
  docker network rm "$name" || curl -s -X DELETE --unix-socket /var/run/docker.sock "http://engine/networks/$name"
done
for disk in "$1"/disk-*; do umount --lazy "$disk"; done
for try in 1 2 3 4 5; do
  rm -rf "$1" && break
  sleep 0.2
done
"#;

/// Where this process's parts keep their data, and the pipe to the watchdog.
pub(crate) struct Home {
    path: PathBuf,
    pipe: Mutex<ChildStdin>,
}

/// Made at the first part, ended with the process.
pub(crate) fn home() -> Result<&'static Home, NotRun> {
    static HOME: OnceLock<Result<Home, NotRun>> = OnceLock::new();
    HOME.get_or_init(Home::new).as_ref().map_err(Clone::clone)
}

impl Home {
    fn new() -> Result<Self, NotRun> {
        let broken =
            |e: std::io::Error| NotRun::broken("harness", format!("its temporary directory: {e}"));
        let dir = tempfile::Builder::new().prefix("orderly-harness-").tempdir().map_err(broken)?;
        // Other users may pass through, not look: Postgres runs as another user where we are root.
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o711)).map_err(broken)?;
        let mut watchdog = Command::new("/bin/sh")
            .args(["-c", WATCH, "orderly-harness"])
            .arg(dir.path())
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| {
                NotRun::missing("harness", format!("/bin/sh, which ends the parts: {e}"))
            })?;
        let pipe = watchdog
            .stdin
            .take()
            .ok_or_else(|| NotRun::broken("harness", "a watchdog without its pipe"))?;
        Ok(Self { path: dir.keep(), pipe: Mutex::new(pipe) })
    }

    /// A directory that is removed with its holder, and at the latest with the process.
    pub(crate) fn dir(&self, part: &str) -> Result<tempfile::TempDir, NotRun> {
        let made = tempfile::Builder::new().prefix(&format!("{part}-")).tempdir_in(&self.path);
        made.map_err(|e| {
            NotRun::broken(part, format!("a directory in {}: {e}", self.path.display()))
        })
    }

    /// `what` is one of the watchdog's words.
    pub(crate) fn tell(&self, what: &str, name: impl std::fmt::Display) -> std::io::Result<()> {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        pipe.write_all(format!("{what} {name}\n").as_bytes())
    }
}
