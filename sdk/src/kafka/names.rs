//! Names as services have them and as the cluster has them: there each carries the configured
//! prefix, topics and groups alike. Records and everything above this folder have the names of
//! topics.yaml; only the registry's subjects carry the prefix, too.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use rdkafka::message::{BorrowedMessage, Message as _};

use super::ffi;
use crate::{
    Config,
    record::{Coordinates, InRecord, TopicPartition},
};

/// Turns names into the cluster's and back; topics' names are shared by all their records.
#[derive(Clone, Default)]
pub(super) struct Names {
    prefix: Arc<str>,
    known: HashMap<Box<str>, Arc<str>>,
}

impl Names {
    pub(super) fn of(config: &Config) -> Self {
        Self { prefix: config.prefix.as_str().into(), known: HashMap::new() }
    }

    pub(super) fn add(&mut self, topic: &str) {
        self.known.insert(self.there(topic).into(), topic.into());
    }

    /// A topic's or group's name in the cluster.
    pub(super) fn there<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if self.prefix.is_empty() {
            Cow::Borrowed(name)
        } else {
            Cow::Owned(format!("{}{name}", self.prefix))
        }
    }

    /// The name that a topic of the cluster has here.
    pub(super) fn here(&self, topic: &str) -> Arc<str> {
        match self.known.get(topic) {
            Some(name) => Arc::clone(name),
            None => topic.strip_prefix(&*self.prefix).unwrap_or(topic).into(),
        }
    }

    /// Copies a message out of the client library's memory.
    pub(super) fn take(&self, message: &BorrowedMessage<'_>) -> InRecord {
        let topic = self.here(message.topic());
        let partition = TopicPartition { topic, partition: message.partition() };
        InRecord::new(
            Coordinates { partition, offset: message.offset() },
            message.timestamp().to_millis(),
            message.key(),
            message.payload(),
            ffi::headers(message),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_seen_in_the_cluster_only() {
        let mut names = Names::of(&Config::new("b", "r").with_prefix("run-7."));
        names.add("orders");
        assert_eq!(names.there("orders"), "run-7.orders");
        assert_eq!(&*names.here("run-7.orders"), "orders");
        assert_eq!(&*names.here("run-7.users"), "users");
        assert_eq!(&*names.here("theirs"), "theirs");
        assert_eq!(Names::of(&Config::new("b", "r")).there("orders"), "orders");
    }
}
