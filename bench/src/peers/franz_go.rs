//! A handler in Go with franz-go: a module of its own.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::process;
use crate::{Error, cargo::target};

const BUILDING: Duration = Duration::from_secs(10 * 60);

/// Builds it; up to date, it takes no time.
pub(crate) async fn build() -> Result<PathBuf, Error> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/franz-go");
    let program = target()?.join("peers/franz-go/accept");
    eprintln!("building {}", source.display());
    let mut go = Command::new("go");
    go.args(["build", "-mod=readonly", "-o"]).arg(&program).arg(".").current_dir(&source);
    process::output(go, BUILDING).await?;
    Ok(program)
}
