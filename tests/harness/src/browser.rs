//! A real browser: the system's Chromium, driven by playwright-core, which npm brings.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::cache;
use crate::error::NotRun;
use crate::java::{run, to_end};

const PART: &str = "browser";
/// Of what a tool says of its version.
const ANSWERS: Duration = Duration::from_secs(60);
const OLDEST_NODE: u32 = 18;
const PACKAGE: &str = include_str!("../npm/package.json");
const LOCK: &str = include_str!("../npm/package-lock.json");

/// What scripts need that drive a browser.
#[derive(Debug, Clone)]
pub struct Browser {
    chromium: PathBuf,
    /// `package.json` beside the modules.
    modules: PathBuf,
}

impl Browser {
    /// Finds Node and a Chromium (`ORDERLY_TEST_CHROMIUM`, else the system's), and has npm bring
    /// playwright-core, once. Blocks.
    ///
    /// # Errors
    /// [`NotRun`] says what is missing here.
    pub fn find() -> Result<Self, NotRun> {
        let (_, version) = to_end(PART, Command::new("node").arg("--version"), ANSWERS)?;
        let number = version.trim().trim_start_matches('v').split('.').next();
        let number = number.and_then(|number| number.parse::<u32>().ok());
        if number.is_none_or(|number| number < OLDEST_NODE) {
            let why = format!("Node {OLDEST_NODE} or newer is missing, there is {version}");
            return Err(NotRun::missing(PART, why));
        }
        let chromium = chromium()?;
        let modules = cache::keep(PART, &format!("{PACKAGE}{LOCK}"), |into| {
            for (name, text) in [("package.json", PACKAGE), ("package-lock.json", LOCK)] {
                let written = std::fs::write(into.join(name), text);
                written.map_err(|e| NotRun::broken(PART, format!("{name}: {e}")))?;
            }
            let mut npm = Command::new("npm");
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(into);
            run(PART, &mut npm, cache::DOWNLOAD)
        })?;
        Ok(Self { chromium, modules: modules.join("package.json") })
    }

    /// Runs a script to its end, and gives what it said. It is told by `PLAYWRIGHT` beside which file
    /// playwright-core is, and by `CHROMIUM` which browser to use. Blocks.
    ///
    /// # Errors
    /// What it said, where it doesn't end well within `limit`.
    pub fn run<V: AsRef<OsStr>>(
        &self,
        script: &Path,
        variables: &[(&str, V)],
        limit: Duration,
    ) -> Result<String, String> {
        let mut node = Command::new("node");
        node.arg(script).env("PLAYWRIGHT", &self.modules).env("CHROMIUM", &self.chromium);
        for (name, value) in variables {
            node.env(name, value);
        }
        let (status, said) = to_end(PART, &mut node, limit).map_err(|e| e.to_string())?;
        match status {
            Some(status) if status.success() => Ok(said),
            Some(status) => Err(format!("{}: {status}\n{said}", script.display())),
            None => Err(format!("{}: took more than {limit:?}\n{said}", script.display())),
        }
    }
}

fn chromium() -> Result<PathBuf, NotRun> {
    let given = std::env::var_os("ORDERLY_TEST_CHROMIUM").filter(|name| !name.is_empty());
    let known = ["chromium", "chromium-browser", "google-chrome"];
    let names = given.map_or_else(|| known.map(PathBuf::from).into(), |name| vec![name.into()]);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let places = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = places.into_iter().find(|place| place.is_file());
    found.ok_or_else(|| {
        NotRun::missing(PART, "no Chromium (chromium, chromium-browser, google-chrome)")
    })
}
