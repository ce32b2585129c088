//! A disk with little room: a file system in memory, mounted for one test. Only root may mount.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use crate::error::{Fault, NotRun};
use crate::home::home;
use crate::java::run;

/// By this name the watchdog finds what it has to unmount.
const PART: &str = "disk";
const MOUNTING: Duration = Duration::from_secs(10);
/// The filler is written in pieces that get smaller.
const PIECES: [usize; 3] = [1 << 20, 1 << 14, 1 << 9];

/// A disk of so many MiB. Unmounted when this is dropped, and at the latest with the process.
#[derive(Debug)]
pub struct SmallDisk {
    dir: TempDir,
}

impl SmallDisk {
    /// Mounts it.
    ///
    /// # Errors
    /// [`NotRun`] says what is missing here. Where we aren't root nobody can ask for more, so that
    /// `ORDERLY_REQUIRE_SERVICES` doesn't either.
    pub fn mount(mib: u32) -> Result<Self, NotRun> {
        if !nix::unistd::geteuid().is_root() {
            return Err(NotRun::missing(PART, "only root can mount one").by_name());
        }
        let dir = home()?.dir(PART)?;
        let room = format!("size={mib}m,mode=0700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &room, "orderly-disk"]).arg(dir.path());
        run(PART, &mut mount, MOUNTING)?;
        Ok(Self { dir })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Leaves no room, until what is returned is dropped.
    ///
    /// # Errors
    /// It can't be written to for another reason.
    pub fn fill(&self) -> Result<Filler, Fault> {
        let filler = Filler(self.path().join("filler"));
        fill(&filler.0).map_err(|e| Fault::new(format!("{}: {e}", filler.0.display())))?;
        Ok(filler)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: who still has a file open there doesn't keep it. If it fails, the watchdog tries.
        let mut umount = Command::new("umount");
        let _ = run(PART, umount.arg("--lazy").arg(self.path()), MOUNTING);
    }
}

/// Takes all the room.
#[derive(Debug)]
pub struct Filler(PathBuf);

impl Drop for Filler {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // gone with the disk is as good
    }
}

fn fill(path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    for piece in PIECES {
        let piece = vec![7; piece];
        loop {
            match file.write_all(&piece) {
                Ok(()) => {}
                Err(e) if e.kind() == ErrorKind::StorageFull => break,
                Err(e) => return Err(e),
            }
        }
    }
    Ok(())
}
