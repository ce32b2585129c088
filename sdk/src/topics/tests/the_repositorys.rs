//! The topics.yaml at the root.

use std::time::Duration;

use crate::topics::{Retention, Topic, Topics};

fn load() -> Topics {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../topics.yaml");
    Topics::load(path).unwrap_or_else(|e| panic!("{e}"))
}

fn names(topics: &Topics, is: impl Fn(&Topic) -> bool) -> Vec<&str> {
    let of_these = topics.iter().filter(|t| is(t));
    of_these.map(|t| t.name.as_str()).collect()
}

#[test]
fn it_defines_every_topic_of_the_platform() {
    let groups = ["fulfilment", "history", "notifications", "users"];
    let derived =
        groups.map(|group| [format!("{group}.dead-letters"), format!("{group}.parked")]).concat();
    let derived: Vec<&str> = derived.iter().map(String::as_str).collect();
    let written =
        ["orders", "order-status", "catalogue", "stock", "users", "contacts", "notifications"];
    assert_eq!(names(&load(), |_| true), [written.as_slice(), &derived].concat());
    assert_eq!(load().groups().collect::<Vec<_>>(), groups);
}

#[test]
fn orders_and_what_became_of_them_are_kept_for_ever_in_twelve_partitions() {
    let topics = load();
    for name in ["orders", "order-status", "history.dead-letters"] {
        let topic = topics.get(name).unwrap();
        assert_eq!((topic.partitions, topic.replication), (12, 3), "{name}");
        assert_eq!(topic.retention, Retention::Forever, "{name}");
        assert!(!topic.compacted && !topic.personal, "{name}");
    }
    assert_eq!(topics.get("orders").unwrap().readers, ["history", "fulfilment", "users"]);
    assert_eq!(topics.get("order-status").unwrap().events.len(), 10);
}

#[test]
fn contacts_are_compacted_and_expire_after_ninety_days() {
    let topics = load();
    let contacts = topics.get("contacts").unwrap();
    assert_eq!(contacts.retention, Retention::For(Duration::from_secs(90 * 24 * 60 * 60)));
    assert!(contacts.compacted);
    assert_eq!(contacts.key, "order_id");
}

#[test]
fn personal_data_is_on_users_and_contacts_only() {
    assert_eq!(names(&load(), |t| t.personal), ["users", "contacts"]);
    let is_compacted = |t: &Topic| t.compacted && !t.name.ends_with(".parked");
    assert_eq!(names(&load(), is_compacted), ["catalogue", "stock", "users", "contacts"]);
}
