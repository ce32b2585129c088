use std::{collections::BTreeMap, time::Duration};

use super::one_topic;
use crate::{
    kafka::TopicState,
    topics::{Retention, Topic, Topics},
};

#[test]
fn one_copy_may_be_missing_and_most_of_those_asked_for_have_each_record() {
    for (asked, brokers, copies, in_sync) in [
        (3, 3, 3, "2"),
        (3, 5, 3, "2"),
        (3, 2, 2, "1"),
        (3, 1, 1, "1"),
        (2, 3, 2, "1"),
        (1, 3, 1, "1"),
        (5, 5, 5, "3"),
        (5, 3, 3, "2"),
    ] {
        let spec = topic(&[&format!("replication: {asked}")]).spec(brokers);
        let found = (spec.replication, spec.properties["min.insync.replicas"].as_str());
        assert_eq!(found, (copies, in_sync), "{asked} asked of {brokers} brokers");
    }
}

#[test]
fn retention_and_compaction_become_kafkas_properties_and_are_read_from_them() {
    let days = |days: u64| Retention::For(Duration::from_secs(days * 24 * 60 * 60));
    for (lines, policy, millis, kept) in [
        (&["retention: forever"][..], "delete", Some("-1"), Retention::Forever),
        (&["retention: 7d"], "delete", Some("604800000"), days(7)),
        (&["retention: forever", "compacted: true"], "compact", None, Retention::Forever),
        (&["retention: 90d", "compacted: true"], "compact,delete", Some("7776000000"), days(90)),
    ] {
        let spec = topic(lines).spec(3);
        assert_eq!(spec.properties["cleanup.policy"], policy, "{lines:?}");
        assert_eq!(spec.properties.get("retention.ms").map(String::as_str), millis, "{lines:?}");
        assert_eq!(state(&topic(lines)).retention(), kept, "{lines:?}");
    }
}

#[test]
fn a_topic_without_expiry_keeps_for_ever_whatever_the_brokers_default_age_is() {
    let mut found = state(&topic(&["compacted: true"]));
    found.properties.insert("retention.ms".into(), "604800000".into());
    assert_eq!(found.retention(), Retention::Forever);
}

#[test]
fn only_what_differs_is_told() {
    let wanted = topic(&["retention: 90d", "compacted: true"]);
    let mut found = state(&wanted);
    found.properties.insert("cleanup.policy".into(), "delete,compact".into());
    found.properties.insert("segment.ms".into(), "1".into());
    assert_eq!(wanted.spec(3).differences(&found), []);
    found.partitions = 6;
    found.properties.insert("retention.ms".into(), "1".into());
    found.properties.remove("message.timestamp.type");
    let told: Vec<_> = wanted.spec(3).differences(&found).iter().map(|d| d.to_string()).collect();
    assert_eq!(
        told,
        [
            "partitions is 6, and 12 is wanted",
            "message.timestamp.type is (unknown), and CreateTime is wanted",
            "retention.ms is 1, and 7776000000 is wanted",
        ]
    );
}

fn topic(lines: &[&str]) -> Topic {
    Topics::parse(&one_topic(lines), "t.yaml").unwrap().get("orders").unwrap().clone()
}

/// As a cluster has it once it was created.
fn state(topic: &Topic) -> TopicState {
    let spec = topic.spec(3);
    let properties =
        spec.properties.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let properties: BTreeMap<_, _> = properties.collect();
    TopicState { partitions: spec.partitions, replication: spec.replication, properties }
}
