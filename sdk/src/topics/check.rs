//! The file against the schemas: they name the same events on the same topics, or it is told where they don't.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Topics,
    error::{Problems, quoted},
    nearest::nearest,
};

pub(super) fn compare<E: AsRef<str>, T: AsRef<str>>(
    topics: &Topics,
    schemas: &[(E, T)],
    problems: &mut Problems,
) {
    let schemas: BTreeMap<&str, &str> =
        schemas.iter().map(|(event, topic)| (event.as_ref(), topic.as_ref())).collect();
    let meant = every_event_has_a_schema(topics, &schemas, problems);
    every_schema_is_named(topics, &schemas, &meant, problems);
}

/// Gives the schemas that a wrong name probably meant: they are not missing as well.
fn every_event_has_a_schema<'s>(
    topics: &Topics,
    schemas: &BTreeMap<&'s str, &'s str>,
    problems: &mut Problems,
) -> BTreeSet<&'s str> {
    let mut meant = BTreeSet::new();
    for topic in topics.iter() {
        let Some(places) = topics.places.of.get(&topic.name) else {
            continue;
        };
        for (event, place) in topic.events.iter().zip(&places.each_event) {
            match schemas.get(event.as_str()) {
                Some(said) if *said == topic.name => {}
                Some(said) => problems.add(
                    *place,
                    format!(
                        "event {} stands under {}, and its schema says topic {}",
                        quoted(event),
                        quoted(&topic.name),
                        quoted(said),
                    ),
                ),
                None => {
                    let here = schemas.iter().filter(|(_, said)| **said == topic.name);
                    let near = nearest(event, here.map(|(name, _)| *name))
                        .or_else(|| nearest(event, schemas.keys().copied()));
                    meant.extend(near);
                    let message = format!("event {} has no schema", quoted(event));
                    problems.add_near(*place, message, near.map(str::to_owned));
                }
            }
        }
    }
    meant
}

fn every_schema_is_named(
    topics: &Topics,
    schemas: &BTreeMap<&str, &str>,
    meant: &BTreeSet<&str>,
    problems: &mut Problems,
) {
    let named: BTreeSet<&str> = topics.iter().flat_map(|t| &t.events).map(String::as_str).collect();
    for (event, said) in schemas {
        if named.contains(event) || meant.contains(event) {
            continue;
        }
        match topics.places.of.get(*said) {
            Some(places) => problems.add(
                places.events,
                format!(
                    "topic {} doesn't name event {}, whose schema says this topic: add it",
                    quoted(said),
                    quoted(event),
                ),
            ),
            None => {
                let near = nearest(said, topics.places.of.keys().map(String::as_str));
                let message = format!(
                    "the schema of {} says topic {}, which is not defined here",
                    quoted(event),
                    quoted(said),
                );
                problems.add_near(topics.places.topics, message, near.map(str::to_owned));
            }
        }
    }
}
