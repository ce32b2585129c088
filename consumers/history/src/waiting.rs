//! Why is my order stuck? What it waits for, since when, and what is ahead of it.

use chrono::{DateTime, Utc};
use orderly_stores::StoreError;
use serde::Serialize;

use crate::{
    Order, ReadModel, show_values,
    statuses::{CONFIRMED, IN_PROGRESS, PLACED, QUEUED},
};

/// What an order waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// `confirmation` (stock, discounts and payment), `preparation` (until it can no longer be
    /// cancelled), `station` (all of its stage are taken), `stage` (it is being worked on), or
    /// `collection` (by the customer).
    #[serde(rename = "for")]
    pub what: &'static str,
    /// The stage that it is in, or in line for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The station that it is on, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub station: Option<i64>,
    /// Since when.
    #[serde(serialize_with = "show_values::moment")]
    pub since: DateTime<Utc>,
    /// When that is due to be over, where it is known.
    #[serde(
        serialize_with = "show_values::optional_moment",
        skip_serializing_if = "Option::is_none"
    )]
    pub due_at: Option<DateTime<Utc>>,
    /// How many are before it in the line for a station.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<i64>,
}

impl ReadModel {
    /// What an order waits for, as it was read.
    pub(crate) async fn waiting(&self, order: &Order) -> Result<Option<Waiting>, StoreError> {
        let what = match &*order.status {
            PLACED => "confirmation",
            CONFIRMED => "preparation",
            QUEUED => "station",
            IN_PROGRESS => "stage",
            "ready" => "collection",
            _ => return Ok(None),
        };
        // A refused cancellation changes nothing of where it is.
        let last = order.timeline.iter().rfind(|entry| {
            entry.sequence.is_some() && entry.event_type != "OrderCancellationRefused"
        });
        Ok(Some(Waiting {
            what,
            stage: order.stage.clone(),
            station: last.and_then(|entry| entry.station),
            since: last.map_or(order.placed_at, |entry| entry.at),
            due_at: last.filter(|_| what == "stage").and_then(|entry| entry.due_at),
            ahead: if what == "station" { self.ahead(&order.order_id).await? } else { None },
        }))
    }

    /// How many are before it in its line; `None` where it has left that by now.
    async fn ahead(&self, order_id: &str) -> Result<Option<i64>, StoreError> {
        let row = self.db.query_opt(AHEAD, &[order_id.into()]).await?;
        row.map_or(Ok(None), |row| row.get(0))
    }
}

const AHEAD: &str = "
    SELECT (SELECT count(*) FROM history_kitchen AS other
            WHERE other.stage = this.stage AND other.status = 'queued'
                AND (other.since < this.since
                    OR (other.since = this.since AND other.order_id < this.order_id)))
    FROM history_kitchen AS this WHERE this.order_id = $1 AND this.status = 'queued'";
