//! What a copy says it was made of.

use std::sync::Arc;

use crate::record::{Coordinates, TopicPartition};

/// As [`REPLAYED_FROM`](super::REPLAYED_FROM) has it; `None` where it is something else.
pub(super) fn parse(said: &str) -> Option<Coordinates> {
    let (partition, offset) = said.rsplit_once('@')?;
    let (topic, partition) = partition.rsplit_once('-')?;
    let partition = TopicPartition { topic: Arc::from(topic), partition: partition.parse().ok()? };
    Some(Coordinates { partition, offset: offset.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_is_written_whatever_the_topics_name() {
        for topic in ["orders", "shop.order-status", "a@b", "x-1@2"] {
            let partition = TopicPartition { topic: topic.into(), partition: 11 };
            let at = Coordinates { partition, offset: 1_234 };
            assert_eq!(parse(&at.to_string()), Some(at));
        }
        for other in ["", "orders", "orders-1", "orders@1", "orders-x@1", "orders-1@"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
