//! What holds across topics, and what follows from them: the dead-letter topics.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Retention, Topic,
    error::{Problems, quoted},
    file::Written,
    nearest::nearest,
    node::Place,
};

const DEAD_LETTERS: &str = ".dead-letters";
const PARKED: &str = ".parked";
/// Endings of topics that belong to a group and are never written by hand.
const DERIVED: [&str; 2] = [DEAD_LETTERS, PARKED];

/// Where `group` puts its dead letters.
pub(super) fn dead_letters(group: &str) -> String {
    format!("{group}{DEAD_LETTERS}")
}

/// Tells every rule that is broken, and gives the derived topics, by group.
pub(super) fn apply(written: &Written, problems: &mut Problems) -> Vec<Topic> {
    services_exist(written, problems);
    events_have_one_topic(written, problems);
    each_can_be(written, problems);
    let derived = derive(&written.topics);
    names_differ(written, &derived, problems);
    derived
}

/// One `<group>.dead-letters` and one `<group>.parked` for each reader, with as many partitions and
/// copies as the group's largest sources.
fn derive(topics: &[Topic]) -> Vec<Topic> {
    let mut groups: BTreeMap<&str, (i32, i32)> = BTreeMap::new();
    for topic in topics {
        for group in &topic.readers {
            let (partitions, replication) = groups.entry(group).or_insert((1, 1));
            *partitions = topic.partitions.max(*partitions);
            *replication = topic.replication.max(*replication);
        }
    }
    let each = groups.into_iter().flat_map(|(group, (partitions, replication))| {
        let dead_letters = Topic {
            name: dead_letters(group),
            key: "source_key".to_owned(),
            partitions,
            replication,
            retention: Retention::Forever,
            compacted: false,
            events: Vec::new(),
            owners: vec![group.to_owned()],
            readers: Vec::new(),
            personal: false,
            description: format!("What {group} could not process, as it was read."),
        };
        let parked = Topic {
            name: format!("{group}{PARKED}"),
            key: "source_topic_and_key".to_owned(),
            compacted: true,
            description: format!("Which keys {group} has parked, and who owns its partitions."),
            ..dead_letters.clone()
        };
        [dead_letters, parked]
    });
    each.collect()
}

fn services_exist(written: &Written, problems: &mut Problems) {
    let Some(services) = &written.services else {
        return;
    };
    let known: BTreeSet<&str> = services.iter().map(|(name, _)| name.as_str()).collect();
    for topic in &written.topics {
        let places = &written.places.of[&topic.name];
        let owners = topic.owners.iter().zip(&places.each_owner);
        for (name, place) in owners.chain(topic.readers.iter().zip(&places.each_reader)) {
            if known.contains(name.as_str()) {
                continue;
            }
            let searched = if problems.is_full() { None } else { Some(&known) };
            let meant = nearest(name, searched.into_iter().flatten().copied());
            let mut message = format!("unknown service {}", quoted(name));
            if meant.is_none() {
                message += ": `services` doesn't name it";
            }
            problems.add_near(*place, message, meant.map(str::to_owned));
        }
    }
}

fn events_have_one_topic(written: &Written, problems: &mut Problems) {
    let mut first: BTreeMap<&str, (&str, Place)> = BTreeMap::new();
    for topic in &written.topics {
        let places = &written.places.of[&topic.name];
        for (event, place) in topic.events.iter().zip(&places.each_event) {
            match first.get(event.as_str()) {
                Some((other, Place { line, .. })) => {
                    let message = format!(
                        "event {} has two topics: it stands under {} on line {line} already",
                        quoted(event),
                        quoted(other),
                    );
                    problems.add(*place, message);
                }
                None => {
                    first.insert(event, (&topic.name, *place));
                }
            }
        }
    }
}

fn each_can_be(written: &Written, problems: &mut Problems) {
    for topic in &written.topics {
        let places = &written.places.of[&topic.name];
        let name = quoted(&topic.name);
        if let Some(ending) = DERIVED.iter().find(|e| topic.name.ends_with(*e)) {
            let message = format!(
                "{name} is not written by hand: `*{ending}` follows from `readers`, take it out"
            );
            problems.add(places.name, message);
        }
        if topic.personal && !topic.compacted {
            let message = format!(
                "topic {name} holds personal data and is not compacted, so that nothing could be deleted: \
                 add `compacted: true`"
            );
            problems.add(places.name, message);
        }
    }
}

/// Kafka names metrics after topics, there writes `_` for `.`, and refuses a topic whose name is taken so.
fn names_differ(written: &Written, derived: &[Topic], problems: &mut Problems) {
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    let by_hand = |topic: &Topic| DERIVED.iter().any(|e| topic.name.ends_with(e));
    for topic in written.topics.iter().filter(|t| !by_hand(t)).chain(derived) {
        let Some(other) = taken.insert(topic.name.replace('.', "_"), &topic.name) else {
            continue;
        };
        let place = written.places.of.get(&topic.name).or(written.places.of.get(other));
        let message = format!(
            "topics {} and {} can't both exist: in a metric's name `.` and `_` are the same, and Kafka refuses the second",
            quoted(other),
            quoted(&topic.name),
        );
        problems.add(place.map_or(written.places.topics, |p| p.name), message);
    }
}
