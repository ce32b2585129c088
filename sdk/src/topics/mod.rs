//! The topics: what `topics.yaml` says, and nothing that it doesn't say.
//!
//! A [`Topics`] that exists is whole and consistent: every topic has a key, an owner, a retention and at least one
//! event, no event has two topics, and what holds personal data can be deleted. A file that says less is refused, with
//! all its problems at once, each with file, line and column and, where one is near, the name that was meant.
//!
//! Groups' own topics are not written in the file: each group that reads anything has two, `<group>.dead-letters` and
//! `<group>.parked`, derived from what the group reads. They are found here like any other topic.
//!
//! Nothing here speaks to a broker: whether the topics exist as written is another question.

mod check;
mod duration;
mod error;
mod fields;
mod file;
mod load;
mod names;
mod nearest;
mod node;
mod rules;
mod scalar;
mod spec;
#[cfg(test)]
mod tests;
mod values;

use std::{collections::BTreeMap, fmt, path::Path, time::Duration};

use self::{error::Problems, file::Places};
pub use self::{
    error::{Problem, TopicsError},
    spec::{Difference, TopicSpec},
};

/// Every topic, those of the file first and in its order, then `<group>.dead-letters` and `<group>.parked` of each group,
/// by the groups' names.
#[derive(Clone, Debug)]
pub struct Topics {
    file: String,
    topics: Vec<Topic>,
    by_name: BTreeMap<String, usize>,
    groups: Vec<String>,
    places: Places,
}

/// One topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name, as Kafka knows it.
    pub name: String,
    /// What a record's key is, such as `order_id`. Of a dead letter it is its source record's key.
    pub key: String,
    /// How many partitions it has: 1 to 1,000.
    pub partitions: i32,
    /// How many copies are asked for: 1 to 7.
    pub replication: i32,
    /// How long records are kept.
    pub retention: Retention,
    /// Whether only the newest record of a key is sure to stay, and a tombstone deletes it. Together with
    /// [`Retention::For`] both hold: compacted, and expired after that time.
    pub compacted: bool,
    /// Full names of the events it carries. Empty for dead letters, which are what their sources carry.
    pub events: Vec<String>,
    /// The services that write it.
    pub owners: Vec<String>,
    /// The groups that read it.
    pub readers: Vec<String>,
    /// Whether it holds personal data. Such a topic is always compacted, so that a tombstone deletes.
    pub personal: bool,
    /// What it is for; may be empty.
    pub description: String,
}

/// How long a topic keeps its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// No record goes because it is old.
    Forever,
    /// A record may go once its timestamp is older than this: at least a second, at most 36,500 days.
    For(Duration),
}

impl Topics {
    /// Reads the file at `path`. Takes a regular file of at most 1 MiB.
    ///
    /// # Errors
    /// If it can't be read, or as [`Topics::parse`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, TopicsError> {
        let path = path.as_ref();
        Self::parse(&load::read_text(path)?, &path.display().to_string())
    }

    /// Reads `text`; `file_name` is what problems are told with.
    ///
    /// # Errors
    /// With every problem found, in the order of their lines. Text that is no YAML ends the search at that place.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, TopicsError> {
        let mut problems = Problems::of(file_name);
        let root = node::parse(text, &mut problems);
        let written = file::read(&root, &mut problems);
        let derived = rules::apply(&written, &mut problems);
        problems.none_left()?;
        Ok(Self::build(file_name, written, derived))
    }

    /// The topic of that name.
    pub fn get(&self, name: &str) -> Option<&Topic> {
        self.by_name.get(name).map(|&at| &self.topics[at])
    }

    /// All topics, dead letters included.
    pub fn iter(&self) -> impl Iterator<Item = &Topic> {
        self.topics.iter()
    }

    /// Where `group` puts its dead letters; none if no topic names it as a reader.
    pub fn dead_letters_of(&self, group: &str) -> Option<&Topic> {
        self.get(&rules::dead_letters(group))
    }

    /// The groups that read anything, by name.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(String::as_str)
    }

    /// Compares with the schemas, each given as (event's full name, its topic): every event of the file has a schema
    /// that says the same topic, and every schema's topic names the event.
    ///
    /// # Errors
    /// With every place where they differ, in the order of the file's lines.
    pub fn check<E: AsRef<str>, T: AsRef<str>>(
        &self,
        schemas: &[(E, T)],
    ) -> Result<(), TopicsError> {
        let mut problems = Problems::of(&self.file);
        check::compare(self, schemas, &mut problems);
        problems.none_left()
    }

    fn build(file: &str, written: file::Written, derived: Vec<Topic>) -> Self {
        // Each has two derived topics, side by side.
        let mut groups: Vec<String> = derived.iter().flat_map(|t| t.owners.clone()).collect();
        groups.dedup();
        let mut topics = written.topics;
        topics.extend(derived);
        let by_name = topics.iter().enumerate();
        Self {
            file: file.to_owned(),
            by_name: by_name.map(|(at, t)| (t.name.clone(), at)).collect(),
            topics,
            groups,
            places: written.places,
        }
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forever => f.write_str("forever"),
            Self::For(time) => f.write_str(&duration::write(*time)),
        }
    }
}
