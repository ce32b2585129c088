//! Where unpacked parts are kept, so that they are downloaded once. A part is made beside its place
//! and renamed into it: two test processes at once find either all of it or nothing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::NotRun;

/// Long enough for a first download over a slow line.
pub(crate) const DOWNLOAD: Duration = Duration::from_secs(600);

/// `ORDERLY_HARNESS_CACHE`, else the user's cache directory.
pub(crate) fn dir() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("ORDERLY_HARNESS_CACHE").unwrap_or_else(|| {
        set("XDG_CACHE_HOME")
            .or_else(|| set("HOME").map(|home| home.join(".cache")))
            .unwrap_or_else(std::env::temp_dir)
            .join("orderly/harness")
    })
}

/// The kept directory of `part`, made by `make` if it isn't there yet. `recipe` is what it was made
/// from: another recipe is another directory.
pub(crate) fn keep(
    part: &str,
    recipe: &str,
    make: impl FnOnce(&Path) -> Result<(), NotRun>,
) -> Result<PathBuf, NotRun> {
    let dir = dir();
    let name = format!("{part}-{:016x}", fingerprint(recipe));
    let place = dir.join(&name);
    if place.is_dir() {
        return Ok(place);
    }
    let denied = |e| NotRun::broken(part, format!("cache directory {}: {e}", dir.display()));
    fs::create_dir_all(&dir).map_err(denied)?;
    let _alone = lock(part, &dir.join(format!("{name}.lock")))?;
    if place.is_dir() {
        return Ok(place); // another process made it meanwhile
    }
    // The lock is ours: what is there half made, a process that was killed has left.
    let making = dir.join(format!(".making-{name}"));
    let made = fs::remove_dir_all(&making).or_else(gone).and_then(|()| fs::create_dir(&making));
    made.map_err(denied)?;
    make(&making).inspect_err(|_| drop(fs::remove_dir_all(&making)))?;
    fs::rename(&making, &place).map_err(denied)?;
    Ok(place)
}

fn gone(e: std::io::Error) -> std::io::Result<()> {
    if e.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(e) }
}

fn lock(part: &str, path: &Path) -> Result<File, NotRun> {
    let denied = |e| NotRun::broken(part, format!("lock file {}: {e}", path.display()));
    let file = File::create(path).map_err(denied)?;
    let end = Instant::now() + DOWNLOAD;
    while file.try_lock().is_err() {
        if Instant::now() > end {
            let why = format!("another process holds {} for ten minutes", path.display());
            return Err(NotRun::broken(part, why));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(file)
}

/// FNV-1a: the same in every build, which the standard hasher doesn't promise.
fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}
