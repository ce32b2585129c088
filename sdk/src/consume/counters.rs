//! What became of a partition's records, as metrics: in = done + repeats + skipped + dead letters.

use metrics::{Counter, counter};

use super::engine::Outcome;
use crate::record::TopicPartition;

/// Counters of one partition, looked up once when it is assigned.
pub(super) struct Counters {
    done: Counter,
    repeats: Counter,
    skipped: Counter,
    dead_letters: Counter,
}

impl Counters {
    pub(super) fn of(group: &str, at: &TopicPartition) -> Self {
        let of = |outcome: &'static str| {
            counter!(
                "orderly_consumed_total",
                "group" => group.to_owned(),
                "topic" => at.topic.to_string(),
                "partition" => at.partition.to_string(),
                "outcome" => outcome
            )
        };
        Self {
            done: of("done"),
            repeats: of("repeat"),
            skipped: of("skipped"),
            dead_letters: of("dead_letter"),
        }
    }

    pub(super) fn count(&self, outcome: Outcome) {
        match outcome {
            Outcome::Done => &self.done,
            Outcome::Repeat => &self.repeats,
            Outcome::Skipped => &self.skipped,
            Outcome::DeadLettered => &self.dead_letters,
        }
        .increment(1);
    }
}
