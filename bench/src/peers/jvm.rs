//! The peers in Java: their jars by Maven, their sources compiled once.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use orderly_harness::{NotRun, Program, java, maven};

use super::process;
use crate::{Error, cargo::target};

/// The oldest that runs them.
const OLDEST: u32 = 17;
const POM: &str = include_str!("../../peers/java/pom.xml");
const STREAMS: &str = include_str!("../../peers/streams/pom.xml");
const COMPILING: Duration = Duration::from_secs(120);

/// A Java that runs them, and where the jars are that `pom` names.
pub(super) async fn java_and_jars(
    part: &'static str,
    pom: &'static str,
) -> Result<(PathBuf, PathBuf), Error> {
    let found = tokio::task::spawn_blocking(move || {
        Ok::<_, NotRun>((java(part, OLDEST)?, maven(part, pom, &[], |_| Ok(()))?))
    });
    Ok(found.await??)
}

/// A JVM with a peer's classes.
pub(crate) struct Jvm {
    java: PathBuf,
    classes: PathBuf,
    jars: PathBuf,
}

impl Jvm {
    /// With those of `peers/java`.
    pub(crate) async fn ready() -> Result<Self, Error> {
        Self::compile("java-peers", POM, "java", &["KeyedPeer", "PlainConsumer"]).await
    }

    /// With Kafka Streams' of `peers/streams`.
    pub(crate) async fn streams() -> Result<Self, Error> {
        Self::compile("streams-peer", STREAMS, "streams", &["StreamsPeer"]).await
    }

    /// Brings the jars and compiles the sources.
    async fn compile(
        part: &'static str,
        pom: &'static str,
        folder: &str,
        sources: &[&str],
    ) -> Result<Self, Error> {
        eprintln!("compiling the peers in peers/{folder}");
        let classes = target()?.join("peers").join(folder);
        let (java, jars) = java_and_jars(part, pom).await?;
        let jvm = Self { java, classes, jars };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(folder);
        // Beside a `java`; where only a runtime is installed there is none, and that is told.
        let mut compiler = Command::new(jvm.java.with_file_name("javac"));
        compiler.arg("-d").arg(&jvm.classes).arg("-cp").arg(jvm.jars.join("*"));
        compiler.args(sources.iter().map(|name| folder.join(format!("{name}.java"))));
        process::output(compiler, COMPILING).await?;
        Ok(jvm)
    }

    /// One of the programs as a process that stays, in a directory of its own.
    pub(crate) fn run<const N: usize>(
        &self,
        class: &str,
        args: [String; N],
    ) -> Result<Program, Error> {
        let all = |_: &[String]| {
            let options = self.options().into_iter().chain([class.to_owned()]);
            options.chain(args).map(Into::into).collect()
        };
        let program = Program::run(class, &self.java, 0, all, Vec::new());
        program.map_err(|why| why.to_string().into())
    }

    /// One of the programs, with the JVM's own defaults.
    pub(crate) fn command(&self, class: &str) -> Command {
        let mut java = Command::new(&self.java);
        java.args(self.options()).arg(class);
        java
    }

    /// The class path.
    fn options(&self) -> [String; 2] {
        let (classes, jars) = (self.classes.display(), self.jars.join("*"));
        ["-cp".to_owned(), format!("{classes}:{}", jars.display())]
    }
}
