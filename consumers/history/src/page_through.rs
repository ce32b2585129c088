//! Everything that is kept, page by page: for a proof, or a tool.

use orderly_stores::{Row, StoreError};
use rust_decimal::Decimal;

use crate::{Counts, ReadModel};

/// An order that was placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptOrder {
    /// The order.
    pub order_id: String,
    /// Id of the OrderPlaced that stands.
    pub placed_event_id: String,
    /// Its status, as [`Order::status`](crate::Order::status).
    pub status: String,
    /// Where that status stands among the order's; `None` while there was none.
    pub status_sequence: Option<i64>,
    /// What it comes to, as the event says.
    pub total: Decimal,
    /// ISO 4217 code of the total.
    pub currency: String,
    /// How many lines are kept of it.
    pub lines: i64,
}

/// One event in the timeline of an order or a return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEvent {
    /// The order, or the return's own number.
    pub order_id: String,
    /// The event's id.
    pub event_id: String,
    /// Its type without the namespace: `OrderPlaced`.
    pub event_type: String,
    /// The topic it was read from.
    pub topic: String,
    /// Its place among the order's statuses; `None` for what isn't one.
    pub sequence: Option<i64>,
    /// The partition it was read from.
    pub partition: i32,
    /// Its offset there. Of a repeated event, that of the record folded first.
    pub offset: i64,
}

/// Most rows of a page, whatever is asked for.
pub(crate) const MOST_A_PAGE: u32 = 10_000;

impl ReadModel {
    /// The placed orders behind order id `after` (`""`: from the first), at most `most` of them,
    /// by order id. Done when a page is empty.
    pub async fn orders_after(&self, after: &str, most: u32) -> Result<Vec<KeptOrder>, StoreError> {
        let sql = format!("{ORDERS} AND o.order_id > $1 ORDER BY o.order_id LIMIT $2");
        let rows = self.db.query(&sql, &[after.into(), page(most).into()]).await?;
        rows.iter().map(order).collect()
    }

    /// The timeline's events behind (order id, event id) `after` (`("", "")`: from the first), at
    /// most `most` of them, by order id and event id. Done when a page is empty.
    pub async fn timeline_after(
        &self,
        after: (&str, &str),
        most: u32,
    ) -> Result<Vec<KeptEvent>, StoreError> {
        let values = [after.0.into(), after.1.into(), page(most).into()];
        let sql = format!(
            "{TIMELINE} WHERE (order_id, event_id) > ($1, $2) ORDER BY order_id, event_id LIMIT $3"
        );
        let rows = self.db.query(&sql, &values).await?;
        rows.iter().map(event).collect()
    }
}

impl ReadModel {
    /// Of these orders the placed ones, in no order.
    pub async fn orders_among(&self, ids: &[&str]) -> Result<Vec<KeptOrder>, StoreError> {
        let rows =
            self.db.query_among(ids, |ids| format!("{ORDERS} AND o.order_id IN ({ids})")).await?;
        rows.iter().map(order).collect()
    }

    /// The events of these orders and returns, in no order.
    pub async fn timeline_among(&self, ids: &[&str]) -> Result<Vec<KeptEvent>, StoreError> {
        let rows =
            self.db.query_among(ids, |ids| format!("{TIMELINE} WHERE order_id IN ({ids})")).await?;
        rows.iter().map(event).collect()
    }

    /// Counts what is kept of these orders and returns.
    pub async fn counts_among(&self, ids: &[&str]) -> Result<Counts, StoreError> {
        let sql = |ids: &str| {
            format!(
                "SELECT
                    (SELECT COUNT(*) FROM history_orders
                     WHERE placed_event_id IS NOT NULL AND order_id IN ({ids})),
                    (SELECT COUNT(*) FROM history_timeline
                     WHERE sequence IS NOT NULL AND order_id IN ({ids})),
                    (SELECT COUNT(*) FROM history_returns WHERE order_id IN ({ids}))"
            )
        };
        let mut counts = Counts::default();
        for row in self.db.query_among(ids, sql).await? {
            counts.orders += row.get::<i64>(0)?;
            counts.statuses += row.get::<i64>(1)?;
            counts.returns += row.get::<i64>(2)?;
        }
        Ok(counts)
    }
}

/// Never nothing: an empty page would look like the end.
fn page(most: u32) -> u32 {
    most.clamp(1, MOST_A_PAGE)
}

fn order(row: &Row) -> Result<KeptOrder, StoreError> {
    Ok(KeptOrder {
        order_id: row.get(0)?,
        placed_event_id: row.get(1)?,
        status: row.get(2)?,
        status_sequence: row.get(3)?,
        total: row.get(4)?,
        currency: row.get(5)?,
        lines: row.get(6)?,
    })
}

fn event(row: &Row) -> Result<KeptEvent, StoreError> {
    Ok(KeptEvent {
        order_id: row.get(0)?,
        event_id: row.get(1)?,
        event_type: row.get(2)?,
        topic: row.get(3)?,
        sequence: row.get(4)?,
        partition: row.get(5)?,
        offset: row.get(6)?,
    })
}

const ORDERS: &str = "
    SELECT o.order_id, o.placed_event_id, o.status, o.status_sequence, o.total, o.currency,
        (SELECT COUNT(*) FROM history_lines l WHERE l.order_id = o.order_id)
    FROM history_orders o
    WHERE o.placed_event_id IS NOT NULL";

const TIMELINE: &str = "
    SELECT order_id, event_id, event_type, topic, sequence, partition_id, record_offset
    FROM history_timeline";
