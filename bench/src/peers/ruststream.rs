//! RustStream's Kafka adapter: a workspace of its own, built beside ours.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::process;
use crate::{
    Error,
    cargo::{cargo, target},
};

/// A first build compiles librdkafka once more.
const BUILDING: Duration = Duration::from_secs(20 * 60);

/// Builds it; up to date, it takes no time.
pub(super) async fn build() -> Result<PathBuf, Error> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/ruststream");
    let into = target()?.join("peers/ruststream");
    eprintln!("building {}, the first time for some minutes", source.display());
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--locked", "--target-dir"]).arg(&into);
    cargo.current_dir(&source);
    process::output(cargo, BUILDING).await?;
    Ok(into.join("release/ruststream-peer"))
}
