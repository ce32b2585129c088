//! What became of a partition's records, as metrics: received = done + repeats + skipped + dead
//! letters + what is still in progress. Redriven and discarded ones were dead letters before.

use metrics::{Counter, Gauge, counter, gauge};

use super::engine::Outcome;
use crate::record::TopicPartition;

/// Counters of one partition, looked up once when it is assigned.
pub(super) struct Counters {
    done: Counter,
    repeats: Counter,
    skipped: Counter,
    dead_letters: Counter,
    redriven: Counter,
    discarded: Counter,
    received: Counter,
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
            redriven: of("redriven"),
            discarded: of("discarded"),
            received: counter!(
                "orderly_received_total",
                "group" => group.to_owned(),
                "topic" => at.topic.to_string(),
                "partition" => at.partition.to_string()
            ),
        }
    }

    pub(super) fn received(&self, count: u64) {
        self.received.increment(count);
    }

    pub(super) fn count(&self, outcome: Outcome) {
        self.count_many(outcome, 1);
    }

    pub(super) fn count_many(&self, outcome: Outcome, count: u64) {
        match outcome {
            Outcome::Done => &self.done,
            Outcome::Repeat => &self.repeats,
            Outcome::Skipped => &self.skipped,
            Outcome::DeadLettered => &self.dead_letters,
            Outcome::Redriven => &self.redriven,
            Outcome::Discarded => &self.discarded,
        }
        .increment(count);
    }
}

/// How a partition stands, set every second.
pub(super) struct Gauges {
    /// Records from the first that isn't done to the partition's end.
    pub(super) lag: Gauge,
    /// Records that came and aren't done.
    pub(super) backlog: Gauge,
    /// Keys that run.
    pub(super) in_flight: Gauge,
    /// Seconds since the oldest of these began.
    pub(super) oldest: Gauge,
    /// Keys that are parked.
    pub(super) parked: Gauge,
    /// Offsets from the first that isn't done to the last that came.
    pub(super) span: Gauge,
    /// 1 while it is paused.
    pub(super) paused: Gauge,
}

impl Gauges {
    pub(super) fn of(group: &str, at: &TopicPartition) -> Self {
        let of = |name: &'static str| {
            gauge!(
                name,
                "group" => group.to_owned(),
                "topic" => at.topic.to_string(),
                "partition" => at.partition.to_string()
            )
        };
        Self {
            lag: of("kafka_consumergroup_group_lag"),
            backlog: of("orderly_backlog_records"),
            in_flight: of("orderly_in_flight"),
            oldest: of("orderly_oldest_in_flight_seconds"),
            parked: of("orderly_parked_keys"),
            span: of("orderly_offset_span"),
            paused: of("orderly_partition_paused"),
        }
    }
}

impl Drop for Gauges {
    /// Whoever owns the partition next says how it stands.
    fn drop(&mut self) {
        let Self { lag, backlog, in_flight, oldest, parked, span, paused } = self;
        for gauge in [lag, backlog, in_flight, oldest, parked, span, paused] {
            gauge.set(0.0);
        }
    }
}
