//! Orders that are in the kitchen: where each is, and since when.

use chrono::{DateTime, Utc};
use orderly_stores::{Row, StoreError};
use serde::Serialize;

use crate::{ReadModel, show_values};

/// Orders in work that are listed at most, and as many in line: a long line hides nobody who is in work.
const MOST: i64 = 500;
/// Orders are counted up to this.
const MOST_COUNTED: i64 = 10_000;

/// The orders in stages and in line for them. Serialised, it is what `GET /kitchen/orders` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KitchenOrders {
    /// First those in progress, who are where they are for the longest before the others; then those in
    /// line, by stage, and in each who came first before the others. 500 of either at most.
    pub orders: Vec<KitchenOrder>,
    /// How many there are; counted up to 10,000.
    pub count: i64,
}

/// Where one order is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KitchenOrder {
    /// The order.
    pub order_id: String,
    /// `queued` or `in_progress`.
    pub status: String,
    /// The stage that it is in, or in line for.
    pub stage: String,
    /// The station that it is on, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub station: Option<i64>,
    /// Since when it is there.
    #[serde(serialize_with = "show_values::moment")]
    pub since: DateTime<Utc>,
    /// When the stage is due to end; `None` in line, and between two stages.
    #[serde(
        serialize_with = "show_values::optional_moment",
        skip_serializing_if = "Option::is_none"
    )]
    pub due_at: Option<DateTime<Utc>>,
    /// Its place among the order's statuses: what comes later has a higher one.
    pub sequence: i64,
}

impl ReadModel {
    /// What is in the kitchen now: in a stage or in line for one. What is confirmed and not yet there, and
    /// what is ready, isn't.
    pub async fn kitchen_orders(&self) -> Result<KitchenOrders, StoreError> {
        let rows = self.db.query(LIST, &[MOST.into()]).await?;
        let orders = rows.iter().map(listed).collect::<Result<_, _>>()?;
        let rows = self.db.query(COUNT, &[MOST_COUNTED.into()]).await?;
        Ok(KitchenOrders { orders, count: rows.first().map_or(Ok(0), |row| row.get(0))? })
    }
}

fn listed(row: &Row) -> Result<KitchenOrder, StoreError> {
    Ok(KitchenOrder {
        order_id: row.get(0)?,
        status: row.get(1)?,
        stage: row.get(2)?,
        station: row.get(3)?,
        since: row.get(4)?,
        due_at: row.get(5)?,
        sequence: row.get(6)?,
    })
}

const LIST: &str = "
    SELECT k.order_id, k.status, k.stage, k.station, k.since, k.due_at, o.status_sequence
    FROM (
        SELECT * FROM (
            SELECT * FROM history_kitchen WHERE status = 'in_progress'
            ORDER BY since, order_id LIMIT $1
        ) AS in_work
        UNION ALL
        SELECT * FROM (
            SELECT * FROM history_kitchen WHERE status = 'queued'
            ORDER BY stage, since, order_id LIMIT $1
        ) AS in_line
    ) AS k
    JOIN history_orders AS o ON o.order_id = k.order_id
    ORDER BY k.status, CASE k.status WHEN 'queued' THEN k.stage END, k.since, k.order_id";

const COUNT: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM history_kitchen LIMIT $1) AS counted";
