//! What is written: the file's sections and each topic's fields, taken one by one.

use std::collections::BTreeMap;

use super::{
    Retention, Topic,
    error::{Problems, quoted},
    fields::{Fields, Level, entries},
    names::{EVENT, KEY, SERVICE, TOPIC},
    node::{Node, Place},
    values::{self, Placed},
};

const FILE: Level = Level { name: "the file", keys: &["services", "defaults", "topics"] };
const DEFAULTS: Level = Level { name: "`defaults`", keys: &["partitions", "replication"] };
const FIELDS: Level = Level {
    name: "a topic",
    keys: &[
        "description",
        "key",
        "events",
        "owner",
        "readers",
        "partitions",
        "replication",
        "retention",
        "compacted",
        "personal",
    ],
};

/// The topics as they are written, with what is missing filled in where a problem was told of it: whoever collected no
/// problem may rely on them.
pub(super) struct Written {
    pub(super) topics: Vec<Topic>,
    /// The services there are, if the file says so.
    pub(super) services: Option<Vec<Placed>>,
    pub(super) places: Places,
}

/// Where things stand in the file.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) topics: Place,
    pub(super) of: BTreeMap<String, TopicPlaces>,
}

#[derive(Clone, Debug)]
pub(super) struct TopicPlaces {
    pub(super) name: Place,
    pub(super) events: Place,
    /// As the topic's events, owners and readers.
    pub(super) each_event: Vec<Place>,
    pub(super) each_owner: Vec<Place>,
    pub(super) each_reader: Vec<Place>,
}

pub(super) fn read(root: &Node, problems: &mut Problems) -> Written {
    let mut written = Written {
        topics: Vec::new(),
        services: None,
        places: Places { topics: Place::WHOLE_FILE, of: BTreeMap::new() },
    };
    let Some(file) = Fields::of(root, "the file", &FILE, problems) else {
        return written;
    };
    written.services = file
        .get("services")
        .map(|field| values::names("services", field, &SERVICE, false, problems));
    let defaults = Defaults::read(&file, problems);

    let whole = ("the file", Place::WHOLE_FILE);
    let Some(topics) = file.require("topics", whole, "the topics by name belong there", problems)
    else {
        return written;
    };
    written.places.topics = topics.at;
    values::at_least_one("topics", Some(topics), problems);
    let each =
        entries(topics.value, "`topics`", "a map of topics by name", problems).unwrap_or_default();
    for (name, field) in each {
        values::fits(name, field.at, &TOPIC, problems);
        if let Some((topic, places)) = topic(name, field.at, field.value, &defaults, problems) {
            written.places.of.insert(topic.name.clone(), places);
            written.topics.push(topic);
        }
    }
    written
}

struct Defaults {
    partitions: Counted,
    replication: Counted,
}

/// A number that a topic may leave to `defaults`.
#[derive(Clone, Copy)]
enum Counted {
    Given(i32),
    Missing,
    Told,
}

impl Defaults {
    fn read(file: &Fields<'_>, problems: &mut Problems) -> Self {
        let fields =
            file.get("defaults").map(|f| Fields::of(f.value, "`defaults`", &DEFAULTS, problems));
        let mut one = |key: &str| match &fields {
            Some(Some(fields)) => counted(key, fields, problems),
            Some(None) => Counted::Told,
            None if file.was_told("defaults") => Counted::Told,
            None => Counted::Missing,
        };
        Self { partitions: one("partitions"), replication: one("replication") }
    }
}

fn counted(key: &str, fields: &Fields<'_>, problems: &mut Problems) -> Counted {
    let most = if key == "partitions" { 1000 } else { 7 };
    match fields.get(key) {
        Some(field) => {
            values::number(key, field, 1..=most, problems).map_or(Counted::Told, Counted::Given)
        }
        None if fields.was_told(key) => Counted::Told,
        None => Counted::Missing,
    }
}

fn topic(
    name: &str,
    at: Place,
    node: &Node,
    defaults: &Defaults,
    problems: &mut Problems,
) -> Option<(Topic, TopicPlaces)> {
    let whose = format!("topic {}", quoted(name));
    let fields = Fields::of(node, &whose, &FIELDS, problems)?;
    let whose = (whose.as_str(), at);

    let key = fields
        .require(
            "key",
            whose,
            "name what its records are keyed by, such as `key: order_id`",
            problems,
        )
        .and_then(|field| values::name("key", field.value, &KEY, problems));
    let retention = fields
        .require(
            "retention",
            whose,
            "write `forever`, or how long, such as `retention: 90d`",
            problems,
        )
        .and_then(|field| values::retention("retention", field, problems));
    let events = fields
        .require("events", whose, "list the full names of the events it carries", problems)
        .map(|field| values::names("events", field, &EVENT, false, problems));
    for key in ["events", "owner"] {
        values::at_least_one(key, fields.get(key), problems);
    }
    let owners = fields
        .require("owner", whose, "name the service that writes it", problems)
        .map(|field| values::names("owner", field, &SERVICE, true, problems));
    let readers = fields
        .get("readers")
        .map(|field| values::names("readers", field, &SERVICE, false, problems));
    let mut count = |key: &str, default: Counted| {
        let own = counted(key, &fields, problems);
        match (own, default) {
            (Counted::Given(n), _) | (Counted::Missing, Counted::Given(n)) => n,
            (Counted::Missing, Counted::Missing) => {
                problems.add(
                    at,
                    format!("{} has no `{key}`: write it here or under `defaults`", whose.0),
                );
                1
            }
            _ => 1,
        }
    };
    let partitions = count("partitions", defaults.partitions);
    let replication = count("replication", defaults.replication);
    let mut flag = |key: &str, unread: bool| match fields.get(key) {
        Some(field) => values::flag(key, field, problems).unwrap_or(unread),
        None => false,
    };
    // Unread, neither may break the rule that goes by both.
    let (compacted, personal) = (flag("compacted", true), flag("personal", false));
    let description =
        fields.get("description").and_then(|field| values::text("description", field, problems));

    let (events, each_event) = apart(events);
    let (owners, each_owner) = apart(owners);
    let (readers, each_reader) = apart(readers);
    let places = TopicPlaces {
        name: at,
        events: fields.get("events").map_or(at, |field| field.at),
        each_event,
        each_owner,
        each_reader,
    };
    let topic = Topic {
        name: name.to_owned(),
        key: key.map(|(key, _)| key).unwrap_or_default(),
        partitions,
        replication,
        retention: retention.unwrap_or(Retention::Forever),
        compacted,
        events,
        owners,
        readers,
        personal,
        description: description.map(|text| text.trim().to_owned()).unwrap_or_default(),
    };
    Some((topic, places))
}

fn apart(names: Option<Vec<Placed>>) -> (Vec<String>, Vec<Place>) {
    names.unwrap_or_default().into_iter().unzip()
}
