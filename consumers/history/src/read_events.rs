//! What happened to an order with where it lies in the topics, for whoever goes on from there.

use orderly_schemas::{order_status, orders};
use orderly_stores::{Row, StoreError};
use serde::Serialize;

use crate::{
    ReadModel, TimelineEntry,
    read_model::may_be_kept,
    read_order::{entry, entry_columns},
    service::GROUP,
};

/// The partitions that an order is in.
#[derive(Clone, Copy, Debug)]
pub struct Partitions {
    /// In `orders`.
    pub orders: i32,
    /// In `order-status`.
    pub statuses: i32,
}

/// What happened to one order. Serialised, it is what `GET /orders/{id}/events` answers.
///
/// How far both partitions were folded is read before the events: all that the order has before
/// these offsets is among the events, and maybe some of what is behind them. Of each topic there is
/// no event without those before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderEvents {
    /// Offset of the next record of `orders` to be folded; 0 where none was.
    pub orders_next: i64,
    /// The same of `order-status`.
    pub statuses_next: i64,
    /// What happened, each topic's in the topic's order; of more than 1,000 the first of each.
    pub events: Vec<KeptHappening>,
}

/// One event of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptHappening {
    /// The topic it is on.
    pub topic: String,
    /// Its offset in the order's partition there.
    pub offset: i64,
    /// What it says, as the order's timeline has it.
    #[serde(flatten)]
    pub entry: TimelineEntry,
    /// Id of the event that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<String>,
}

/// Most events that are read of one topic. Ours have about a dozen.
const MOST_EVENTS: i64 = 1_000;

impl ReadModel {
    /// What happened to an order, if `caller` placed it, with `None` whoever did. `None` where its
    /// OrderPlaced wasn't seen. The group's positions have to be kept in the same database.
    pub async fn events_of(
        &self,
        order_id: &str,
        caller: Option<&str>,
        partitions: Partitions,
    ) -> Result<Option<OrderEvents>, StoreError> {
        if !may_be_kept(order_id) || !caller.is_none_or(may_be_kept) {
            return Ok(None);
        }
        // Before the events: the other way round what is folded in between would be passed over.
        let orders_next = self.next_of(orders::TOPIC, partitions.orders).await?;
        let statuses_next = self.next_of(order_status::TOPIC, partitions.statuses).await?;
        let mut events = Vec::new();
        // What is caused before what causes it, so that hardly ever one is there without the other.
        for topic in [order_status::TOPIC, orders::TOPIC] {
            let values = [order_id.into(), MOST_EVENTS.into(), caller.into(), topic.into()];
            let rows = self.db.query(SELECT_EVENTS, &values).await?;
            for row in &rows {
                events.push(happening(row, topic)?);
            }
        }
        // It was placed, so something happened to it.
        if events.is_empty() {
            return Ok(None);
        }
        Ok(Some(OrderEvents { orders_next, statuses_next, events }))
    }

    async fn next_of(&self, topic: &str, partition: i32) -> Result<i64, StoreError> {
        let values = [GROUP.into(), topic.into(), partition.into()];
        let row = self.db.query_opt(SELECT_NEXT, &values).await?;
        row.map_or(Ok(0), |row| row.get(0))
    }
}

fn happening(row: &Row, topic: &str) -> Result<KeptHappening, StoreError> {
    let mut entry = entry(row, 1)?;
    let caused_by = entry.caused_by.take();
    Ok(KeptHappening { topic: topic.to_owned(), offset: row.get(0)?, entry, caused_by })
}

const SELECT_NEXT: &str = "
    SELECT next_offset FROM positions
    WHERE group_id = $1 AND topic = $2 AND partition_id = $3";

const SELECT_EVENTS: &str = concat!(
    "SELECT t.record_offset, ",
    entry_columns!(),
    " FROM history_orders o JOIN history_timeline t ON t.order_id = o.order_id
     WHERE o.order_id = $1 AND o.placed_event_id IS NOT NULL AND (o.caller = $3 OR $3 IS NULL)
         AND t.topic = $4
     ORDER BY t.record_offset LIMIT $2",
);
