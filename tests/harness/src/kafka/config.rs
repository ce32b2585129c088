//! A broker's files: its properties and its logger's settings.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The cluster's id; clusters are told apart by their ports.
pub(super) const CLUSTER: &str = "b3JkZXJseS1oYXJuZXNzMQ";

#[derive(Debug)]
pub(super) struct Files {
    pub(super) dir: PathBuf,
    pub(super) properties: PathBuf,
    pub(super) logger: PathBuf,
}

const LOGGER: &str = "\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
";

/// `voters` are the controllers of all brokers: node id and port.
pub(super) fn write(dir: &Path, id: i32, port: u16, voters: &[(i32, u16)]) -> io::Result<Files> {
    let dir = dir.join(id.to_string());
    fs::create_dir(&dir)?;
    let files = Files {
        properties: dir.join("server.properties"),
        logger: dir.join("log4j2.properties"),
        dir,
    };
    fs::write(&files.logger, LOGGER)?;
    fs::write(&files.properties, properties(&files.dir, id, port, voters))?;
    Ok(files)
}

fn properties(dir: &Path, id: i32, port: u16, voters: &[(i32, u16)]) -> String {
    let controller = voters.iter().find(|(voter, _)| *voter == id).map_or(0, |(_, port)| *port);
    let quorum: Vec<String> =
        voters.iter().map(|(id, port)| format!("{id}@127.0.0.1:{port}")).collect();
    let replicas = voters.len();
    let in_sync = if replicas == 1 { 1 } else { 2 };
    let data = dir.join("data");
    format!(
        "process.roles=broker,controller
node.id={id}
controller.quorum.voters={quorum}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=10
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=10
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
# A dead broker's partitions get another leader sooner than after nine seconds.
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=1000
# 128 MiB of a small heap otherwise.
log.cleaner.dedupe.buffer.size=16777216
",
        quorum = quorum.join(","),
        data = data.display(),
    )
}
