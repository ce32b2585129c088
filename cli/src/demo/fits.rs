//! Whether a run fits the embedded broker, said before it begins.
//!
//! The broker keeps [`Kept`] of each partition and drops the oldest silently. A run fits if no
//! partition grows beyond that; sizes are taken before compression, and an uneven share of keys is
//! allowed for.

use fulfilment::Stages;
use orderly_sdk::{kafka::Kept, topics::Topics};

/// What a run will write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) orders: u64,
    pub(super) returns: u64,
    pub(super) lines: u64,
}

/// Headers and framing of a record, and an event without its lines.
const RECORD: u64 = 420;
/// A line of an order with its name.
const LINE: u64 = 80;

impl Size {
    /// Refuses what could outgrow the broker; the text says the way out.
    pub(super) fn fits(self, stages: &Stages, topics: &Topics) -> Result<(), String> {
        // Confirmed, two a stage and one in line for it, ready, completed.
        let lines = stages.iter().filter(|stage| stage.stations.is_some()).count() as u64;
        let statuses = self.orders * (3 + 2 * stages.count() as u64 + lines);
        // Placed and collected.
        let orders = 2 * self.orders + self.returns;
        let mut most = self.orders;
        let mut outgrown = None;
        for (topic, records, lines) in
            [("orders", orders, self.lines), ("order-status", statuses, 0)]
        {
            let partitions =
                topics.get(topic).map_or(1, |t| u64::from(t.partitions.unsigned_abs()));
            let records_each = uneven(records, partitions);
            let bytes_each = uneven(records * RECORD + lines * LINE, partitions);
            most = most
                .min(self.orders * Kept::BYTES / bytes_each.max(1))
                .min(self.orders * Kept::RECORDS / records_each.max(1));
            if outgrown.is_none() && (records_each > Kept::RECORDS || bytes_each > Kept::BYTES) {
                outgrown = Some((topic, bytes_each));
            }
        }
        match outgrown {
            None => Ok(()),
            Some((topic, bytes_each)) => Err(format!(
                "{} orders would write about {:.1} MiB to a partition of `{topic}`, of which the \
                 embedded broker keeps {} MiB and silently drops the oldest. About {most} orders \
                 fit; more go to a real Kafka: `orderly import --bootstrap …` writes there",
                self.orders,
                mib(bytes_each),
                Kept::BYTES / (1024 * 1024),
            )),
        }
    }
}

/// What the fullest of the partitions gets: a fifth more than its share.
fn uneven(total: u64, partitions: u64) -> u64 {
    total * 6 / 5 / partitions.max(1)
}

#[allow(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(orders: u64, lines: u64) -> Result<(), String> {
        let topics = Topics::parse(include_str!("../../../topics.yaml"), "topics.yaml");
        let stages = "prep=1s,bake=1s,oven=1s".parse().expect("stages");
        Size { orders, returns: 0, lines }.fits(&stages, &topics.expect("topics"))
    }

    #[test]
    fn what_fits_may_run_and_what_does_not_is_told_how_many_would() {
        assert_eq!(fits(2_000, 8_000), Ok(()));
        assert_eq!(fits(1_629, 42_000), Ok(()));
        let refused = fits(21_350, 48_620).expect_err("a year of pizza");
        assert!(refused.contains("orders fit") && refused.contains("orderly import"), "{refused}");
    }
}
