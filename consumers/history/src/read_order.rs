//! One order with its lines and everything that happened to it.

use chrono::{DateTime, Utc};
use orderly_schemas::Discount;
use orderly_stores::{Row, StoreError};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::{ReadModel, Return, Waiting, read_model::may_be_kept, show_values};

/// An order as it is now. Serialised, it is what `GET /orders/{id}` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Order {
    /// The order.
    pub order_id: String,
    /// Who ordered; `None` for a guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `placed`, `confirmed`, `rejected`, `queued`, `in_progress`, `ready`, `completed`, `cancelled`
    /// or `refunded`.
    pub status: String,
    /// The stage that it is in, or in line for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// What it waits for; `None` where it has come to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// ISO 4217 code of its amounts.
    pub currency: String,
    /// What it comes to, before discounts.
    #[serde(serialize_with = "show_values::total")]
    pub total: Decimal,
    /// What is to be paid of it; `None` while it isn't confirmed.
    #[serde(
        serialize_with = "show_values::optional_total",
        skip_serializing_if = "Option::is_none"
    )]
    pub to_pay: Option<Decimal>,
    /// What discount rules gave, in the order in which they were applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<Discount>,
    /// When it was placed.
    #[serde(serialize_with = "show_values::moment")]
    pub placed_at: DateTime<Utc>,
    /// It was imported, after it had happened.
    pub historic: bool,
    /// What was ordered, in the order's sequence.
    pub lines: Vec<Line>,
    /// What came back of it so far, first to last; of more than 10,000 lines the earliest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<Return>,
    /// What happened, first to last; of more than 1,000 events the earliest.
    pub timeline: Vec<TimelineEntry>,
}

/// One line of an order, or of a return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The product.
    pub sku: String,
    /// Its name as it was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Pieces.
    pub quantity: i64,
    /// Price of one piece.
    #[serde(serialize_with = "show_values::unit_price")]
    pub unit_price: Decimal,
}

/// One event of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// Its type without the namespace: `OrderPlaced`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it happened.
    #[serde(serialize_with = "show_values::moment")]
    pub at: DateTime<Utc>,
    /// Its id.
    pub event_id: String,
    /// Its place among the order's statuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
    /// The stage that began or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The station that the stage began on, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub station: Option<i64>,
    /// How many were in line before it when it got in line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<i64>,
    /// When what began with it was due to be over: of a confirmation, when the order was expected to be
    /// ready.
    #[serde(
        serialize_with = "show_values::optional_moment",
        skip_serializing_if = "Option::is_none"
    )]
    pub due_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    pub(crate) caused_by: Option<String>,
}

/// Most entries of a timeline that are read. Ours have about a dozen.
const MOST_ENTRIES: i64 = 1_000;

impl ReadModel {
    /// An order; `None` where its OrderPlaced wasn't seen, even if a status of it was.
    pub async fn order(&self, order_id: &str) -> Result<Option<Order>, StoreError> {
        self.order_of(order_id, None).await
    }

    /// An order, if `caller` placed it; with `None` whoever did.
    pub async fn order_of(
        &self,
        order_id: &str,
        caller: Option<&str>,
    ) -> Result<Option<Order>, StoreError> {
        if !may_be_kept(order_id) || !caller.is_none_or(may_be_kept) {
            return Ok(None);
        }
        // Order and timeline in one statement, so that the status is the timeline's last.
        let values = [order_id.into(), MOST_ENTRIES.into(), caller.into()];
        let rows = self.db.query(SELECT_ORDER, &values).await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let mut order = order(first)?;
        let happened = rows.iter().map(|row| entry(row, 10)).collect::<Result<_, _>>()?;
        order.timeline = as_it_happened(happened);
        // Committed with the order, and never changed.
        let lines = self.db.query(SELECT_LINES, &[order_id.into()]).await?;
        order.lines = lines.iter().map(|row| line(row, 0)).collect::<Result<_, _>>()?;
        order.returns = self.returns_of(order_id).await?;
        order.waiting = self.waiting(&order).await?;
        Ok(Some(order))
    }
}

/// By time, but statuses by sequence, and none before the event that caused it: clocks of
/// different services differ.
fn as_it_happened(entries: Vec<TimelineEntry>) -> Vec<TimelineEntry> {
    let (others, mut statuses): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| entry.sequence.is_none());
    statuses.sort_by_key(|status| status.sequence);
    let mut latest = DateTime::<Utc>::MIN_UTC;
    let mut timed = Vec::with_capacity(others.len() + statuses.len());
    for status in statuses {
        let cause = others.iter().find(|other| status.caused_by.as_ref() == Some(&other.event_id));
        latest = latest.max(status.at).max(cause.map_or(latest, |cause| cause.at));
        timed.push((latest, status));
    }
    timed.extend(others.into_iter().map(|other| (other.at, other)));
    // What has no sequence comes first where the times are the same.
    timed.sort_by_key(|(at, entry)| (*at, entry.sequence));
    timed.into_iter().map(|(_, entry)| entry).collect()
}

fn order(row: &Row) -> Result<Order, StoreError> {
    Ok(Order {
        order_id: row.get(0)?,
        user_id: row.get(1)?,
        status: row.get(2)?,
        stage: row.get(3)?,
        waiting: None,
        currency: row.get(4)?,
        total: row.get(5)?,
        placed_at: row.get(6)?,
        historic: row.get(7)?,
        to_pay: row.get(8)?,
        // Written by the fold; damaged, there is nothing to be shown.
        discounts: row
            .get::<Option<String>>(9)?
            .and_then(|given| serde_json::from_str(&given).ok())
            .unwrap_or_default(),
        lines: Vec::new(),
        returns: Vec::new(),
        timeline: Vec::new(),
    })
}

/// What [`entry`] reads, of the timeline `t`.
macro_rules! entry_columns {
    () => {
        "t.event_type, t.happened_at, t.event_id, t.sequence, t.stage, t.reason, t.caused_by, \
         t.station, t.ahead, t.due_at"
    };
}
pub(crate) use entry_columns;

/// The entry whose columns, [`entry_columns`], begin there.
pub(crate) fn entry(row: &Row, at: usize) -> Result<TimelineEntry, StoreError> {
    Ok(TimelineEntry {
        event_type: row.get(at)?,
        at: row.get(at + 1)?,
        event_id: row.get(at + 2)?,
        sequence: row.get(at + 3)?,
        stage: row.get(at + 4)?,
        reason: row.get(at + 5)?,
        caused_by: row.get(at + 6)?,
        station: row.get(at + 7)?,
        ahead: row.get(at + 8)?,
        due_at: row.get(at + 9)?,
    })
}

/// The line whose columns begin there.
pub(crate) fn line(row: &Row, at: usize) -> Result<Line, StoreError> {
    Ok(Line {
        sku: row.get(at)?,
        name: row.get(at + 1)?,
        quantity: row.get(at + 2)?,
        unit_price: row.get(at + 3)?,
    })
}

/// An order that was placed has its OrderPlaced in the timeline, so the join always gives a row.
const SELECT_ORDER: &str = concat!(
    "SELECT o.order_id, o.user_id, o.status, o.stage, o.currency, o.total, o.placed_at,
         o.historic, o.to_pay, o.discounts, ",
    entry_columns!(),
    " FROM history_orders o JOIN history_timeline t ON t.order_id = o.order_id
     WHERE o.order_id = $1 AND o.placed_event_id IS NOT NULL AND (o.caller = $3 OR $3 IS NULL)
     ORDER BY t.happened_at, t.topic, t.record_offset LIMIT $2",
);

/// Bounded by what one record can hold.
const SELECT_LINES: &str = "
    SELECT sku, name, quantity, unit_price FROM history_lines
    WHERE order_id = $1 ORDER BY line_no";
