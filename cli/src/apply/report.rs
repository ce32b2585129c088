//! What was done: one JSON object, or text for people.

use std::fmt;

use comfy_table::{Table, presets::NOTHING};
use orderly_sdk::topics::{Difference, TopicSpec};
use serde::{Serialize, Serializer};

/// What `orderly apply` did. Field names are those of `-o json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Topics that are new; by their names in JSON.
    #[serde(serialize_with = "names")]
    pub topics_created: Vec<TopicSpec>,
    /// Topics that were there.
    pub topics_existing: Vec<String>,
    /// In what they differ from topics.yaml. They were left so.
    pub differing: Vec<Differing>,
    /// Subjects that got a schema.
    pub schemas_registered: Vec<String>,
    /// Subjects that had the newest.
    pub schemas_existing: Vec<String>,
    /// What isn't as it should be, though nothing failed.
    pub warnings: Vec<String>,
    /// What couldn't be done.
    pub failed: Vec<String>,
    /// A part went away meanwhile.
    #[serde(skip)]
    pub is_away: bool,
}

/// One thing in which a topic isn't as topics.yaml has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// The topic.
    pub topic: String,
    /// What, and how.
    pub difference: Difference,
}

impl Report {
    /// For people: a row for each thing that was done, and what that comes to.
    pub fn text(&self) -> String {
        let mut table = Table::new();
        table.load_style(NOTHING);
        for topic in &self.topics_created {
            let TopicSpec { name, partitions, replication, .. } = topic;
            let shape = format!("created: partitions {partitions}, replication {replication}");
            table.add_row(["topic", name, &shape]);
        }
        for subject in &self.schemas_registered {
            table.add_row(["schema", subject, "registered"]);
        }
        let counts = [
            (self.topics_created.len(), self.schemas_registered.len()),
            (self.topics_existing.len(), self.schemas_existing.len()),
        ];
        let table = table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        let table = table.join("\n");
        let [done, there] =
            counts.map(|(topics, schemas)| format!("{topics} topics and {schemas} schemas"));
        match (counts, self.failed.is_empty()) {
            ([(0, 0), _], true) => format!("nothing to do: {there} there already"),
            ([(0, 0), _], false) => format!("nothing was created; {there} there already"),
            (_, true) => format!("{table}\n{done} created; {there} there already"),
            (_, false) => format!("{table}\n{done} created, not all; {there} there already"),
        }
    }
}

impl fmt::Display for Differing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "topic `{}`: {}", self.topic, self.difference)
    }
}

impl Serialize for Differing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            topic: &'a str,
            what: &'a str,
            wanted: &'a str,
            found: &'a str,
        }
        let Difference { what, wanted, found } = &self.difference;
        Shown { topic: &self.topic, what, wanted, found }.serialize(serializer)
    }
}

/// With the word in the right number.
pub(super) fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn names<S: Serializer>(topics: &[TopicSpec], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(topics.iter().map(|topic| &topic.name))
}
