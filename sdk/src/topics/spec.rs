//! What a topic of the file is to be in a cluster of so many brokers, and how one that is there differs.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::{Retention, Topic};
use crate::kafka::TopicState;

/// How long a deleted person's data may stay on disk before it is compacted away.
const LONGEST_UNCOMPACTED: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a tombstone of personal data is kept: a reader that was away for less still hears of it.
const TOMBSTONES_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A topic as it is to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name, without the prefix.
    pub name: String,
    /// Its number of partitions.
    pub partitions: i32,
    /// Copies of each.
    pub replication: i32,
    /// Kafka's properties of it.
    pub properties: BTreeMap<&'static str, String>,
}

/// One thing in which a topic that is there isn't as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `partitions`, `replication`, or a property's name.
    pub what: &'static str,
    /// As the file has it.
    pub wanted: String,
    /// As the cluster has it.
    pub found: String,
}

impl Topic {
    /// What it is to be where there are so many brokers: with fewer than the copies asked for, one
    /// on each.
    pub fn spec(&self, brokers: i32) -> TopicSpec {
        let replication = self.replication.min(brokers).max(1);
        let mut properties = BTreeMap::from([
            ("min.insync.replicas", in_sync(self.replication, replication).to_string()),
            // Set, as the broker's default may be another: each promises something.
            ("cleanup.policy", self.cleanup().to_owned()),
            ("message.timestamp.type", "CreateTime".to_owned()),
        ]);
        if self.cleanup() != "compact" {
            properties.insert("retention.ms", millis(self.retention));
            properties.insert("retention.bytes", "-1".to_owned());
        }
        if self.personal {
            let most = LONGEST_UNCOMPACTED.as_millis().to_string();
            properties.insert("max.compaction.lag.ms", most);
            properties.insert("delete.retention.ms", TOMBSTONES_KEPT.as_millis().to_string());
        }
        TopicSpec { name: self.name.clone(), partitions: self.partitions, replication, properties }
    }

    fn cleanup(&self) -> &'static str {
        match (self.compacted, self.retention) {
            (false, _) => "delete",
            (true, Retention::Forever) => "compact",
            (true, Retention::For(_)) => "compact,delete",
        }
    }
}

impl TopicSpec {
    /// Where `found` isn't as this asks for.
    pub fn differences(&self, found: &TopicState) -> Vec<Difference> {
        let mut differences = Vec::new();
        let mut compare = |what, wanted: String, found: String| {
            if in_order(&wanted) != in_order(&found) {
                differences.push(Difference { what, wanted, found });
            }
        };
        compare("partitions", self.partitions.to_string(), found.partitions.to_string());
        compare("replication", self.replication.to_string(), found.replication.to_string());
        for (name, wanted) in &self.properties {
            let found = found.properties.get(*name).map_or("(unknown)", String::as_str);
            compare(name, wanted.clone(), found.to_owned());
        }
        differences
    }
}

impl TopicState {
    /// How long a record is sure to stay, by its age.
    pub fn retention(&self) -> Retention {
        let property = |name| self.properties.get(name).map(String::as_str);
        let deletes = property("cleanup.policy").is_none_or(|policy| policy.contains("delete"));
        match property("retention.ms").and_then(|millis| millis.parse().ok()) {
            Some(millis) if deletes => Retention::For(Duration::from_millis(millis)),
            _ => Retention::Forever,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, and {} is wanted", self.what, self.found, self.wanted)
    }
}

/// How many copies have to have a record: most of those that were asked for, but never all there
/// are, so that one broker may be missing.
fn in_sync(asked: i32, replication: i32) -> i32 {
    (asked / 2 + 1).min(replication - 1).max(1)
}

fn millis(retention: Retention) -> String {
    match retention {
        Retention::Forever => "-1".to_owned(),
        Retention::For(time) => time.as_millis().to_string(),
    }
}

/// A list means the same in any order.
fn in_order(value: &str) -> Vec<&str> {
    let mut parts: Vec<_> = value.split(',').map(str::trim).collect();
    parts.sort_unstable();
    parts
}
