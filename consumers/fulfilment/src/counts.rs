//! Whether it is certain that a product was never counted.
//!
//! A count that was acknowledged before an order isn't seen before it: it comes through another
//! partition, maybe to another member. So "there is none" is said only when the count's partition was
//! read past the end that it had after the order was taken.

use std::collections::BTreeSet;

use orderly_schemas::StockCounted;
use orderly_sdk::{
    Event, EventId,
    consume::Failure,
    kafka::{Probe, partition_of_key},
    record::TopicPartition,
};
use orderly_stores::{Tx, positions};

use crate::{NAME, first_ends::FirstEnds};

/// Knows how far counts were read.
pub(crate) struct Counts {
    probe: Probe,
    /// Of the topic `stock`, as it was at start.
    partitions: i32,
    ends: FirstEnds,
}

impl Counts {
    pub(crate) fn new(probe: Probe, partitions: i32) -> Self {
        Self { probe, partitions, ends: FirstEnds::none() }
    }

    /// Fails as not yet where a count of one of these may still come. `alone`: the order that wants them,
    /// if it is tried alone; it waits for the ends of its first such try, however far they move.
    pub(crate) async fn are_read(
        &self,
        tx: &mut Tx,
        skus: &BTreeSet<&str>,
        alone: Option<EventId>,
    ) -> Result<(), Failure> {
        let of = |sku: &&str| partition_of_key(sku.as_bytes(), self.partitions);
        let partitions: BTreeSet<i32> = skus.iter().map(of).collect();
        for partition in partitions {
            let at = TopicPartition { topic: StockCounted::TOPIC.into(), partition };
            let end = self.ends.of(alone, partition, || self.probe.end_to_read(&at)).await?;
            let read_to = positions::next_offset_in(tx, NAME, &at).await?.unwrap_or(0);
            if read_to < end {
                return Err(Failure::not_yet(format_args!(
                    "what is ordered may be counted yet: {at} is read to {read_to} of {end}"
                )));
            }
        }
        Ok(())
    }
}
