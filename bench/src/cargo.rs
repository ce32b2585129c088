//! What is built beside this program: in the directory that it was built in.

use std::{path::PathBuf, process::Command};

use crate::Error;

/// A cargo that builds as if it was called by hand: what the one that runs us says of our package isn't
/// for it, some packages would be built anew.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    let of_us = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_us) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// `target/`, of `target/<profile>/orderly-bench`.
pub(crate) fn target() -> Result<PathBuf, Error> {
    let program = std::env::current_exe().map_err(|e| format!("this program's path: {e}"))?;
    let target = program.ancestors().nth(2).ok_or("this program isn't in a target directory")?;
    Ok(target.to_owned())
}
