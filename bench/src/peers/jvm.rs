//! The peers in Java: their jars by Maven, their sources compiled once.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use orderly_harness::{NotRun, java, maven};

use super::process;
use crate::{Error, cargo::target};

const PART: &str = "java-peers";
/// The oldest that runs them.
const OLDEST: u32 = 17;
const POM: &str = include_str!("../../peers/java/pom.xml");
const COMPILING: Duration = Duration::from_secs(120);

/// A Java that runs them, and where the jars are that `pom` names.
pub(crate) async fn java_and_jars(
    part: &'static str,
    pom: &'static str,
) -> Result<(PathBuf, PathBuf), Error> {
    let found = tokio::task::spawn_blocking(move || {
        Ok::<_, NotRun>((java(part, OLDEST)?, maven(part, pom, &[], |_| Ok(()))?))
    });
    Ok(found.await??)
}

/// A JVM with the peers' classes.
pub(crate) struct Jvm {
    java: PathBuf,
    classes: PathBuf,
    jars: PathBuf,
}

impl Jvm {
    /// Brings the jars and compiles the sources.
    pub(crate) async fn ready() -> Result<Self, Error> {
        eprintln!("compiling the peers in Java");
        let classes = target()?.join("peers/java");
        let (java, jars) = java_and_jars(PART, POM).await?;
        let jvm = Self { java, classes, jars };
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/java");
        // Beside a `java`; where only a runtime is installed there is none, and that is told.
        let mut compiler = Command::new(jvm.java.with_file_name("javac"));
        compiler.arg("-d").arg(&jvm.classes).arg("-cp").arg(jvm.jars.join("*"));
        compiler
            .args(["KeyedPeer", "PlainConsumer"].map(|name| sources.join(format!("{name}.java"))));
        process::output(compiler, COMPILING).await?;
        Ok(jvm)
    }

    /// One of the programs, with the JVM's own defaults.
    pub(crate) fn command(&self, class: &str) -> Command {
        let mut java = Command::new(&self.java);
        java.args(self.options()).arg(class);
        java
    }

    /// The program and what stands before the class.
    pub(crate) fn program(&self) -> &Path {
        &self.java
    }

    /// The class path.
    pub(crate) fn options(&self) -> [String; 2] {
        let (classes, jars) = (self.classes.display(), self.jars.join("*"));
        ["-cp".to_owned(), format!("{classes}:{}", jars.display())]
    }
}
