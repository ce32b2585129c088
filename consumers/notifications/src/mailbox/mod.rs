//! What was sent, to be read again: for a proof, for the page.
mod page;
mod routes;

pub(crate) use routes::serve;

use chrono::{DateTime, Utc};
use orderly_schemas::{Channel, DeliveryOutcome};
use orderly_stores::{Database, FromValue, Row, StoreError, Value};
use serde::Serialize;

use crate::{
    deliveries::{channel_of, channel_word},
    tables,
};

/// Most messages that are read at once.
const MOST: u32 = 10_000;

/// Reads the messages of a notifications database that were sent or given up. Cheap to clone.
#[derive(Clone)]
pub struct Mailbox {
    database: Database,
}

/// One message: what it was about, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailed {
    /// Its place among the messages, from 1, growing.
    pub place: i64,
    /// The way it took.
    pub channel: Channel,
    /// The same at every attempt: a webhook's `webhook-id`.
    pub delivery_id: String,
    /// How often it was tried.
    pub attempts: i64,
    /// Id of the event that it tells of.
    pub event_id: String,
    /// The order.
    pub order_id: String,
    /// The text it was made from: `confirmed`, `ready`, `rejected`, `cancelled`; of webhooks `completed`
    /// and `refunded`, too.
    pub template: String,
    /// Where it went; `None` once the order's contact was deleted.
    pub address: Option<String>,
    /// What became of it.
    pub outcome: DeliveryOutcome,
}

impl Mailbox {
    /// The messages in `database`; makes the tables where they are missing.
    pub async fn open(database: &Database) -> Result<Self, StoreError> {
        tables::prepare(database).await?;
        Ok(Self { database: database.clone() })
    }

    /// How many of a channel came to that end.
    pub async fn count(
        &self,
        channel: Channel,
        outcome: DeliveryOutcome,
    ) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM notifications_deliveries WHERE channel = $1 AND state = $2";
        let values = [channel_word(channel).into(), outcome_text(outcome).into()];
        let row = self.database.query_opt(sql, &values).await?;
        let count: i64 = row.map_or(Ok(0), |row| row.get(0))?;
        Ok(count.cast_unsigned())
    }

    /// How many are to be sent yet, of all channels.
    pub async fn due(&self) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM notifications_deliveries WHERE state = 'DUE'";
        let row = self.database.query_opt(sql, &[]).await?;
        let count: i64 = row.map_or(Ok(0), |row| row.get(0))?;
        Ok(count.cast_unsigned())
    }

    /// The ended messages behind a place (0: from the first), in the order in which they were made: at
    /// most `most`, and never more than 10,000. An empty page is the end. One that ends later may lie
    /// before others.
    pub async fn page(&self, behind: i64, most: u32) -> Result<Vec<Mailed>, StoreError> {
        let sql = format!("{MAILED} AND id > $1 ORDER BY id LIMIT $2");
        let rows = self.database.query(&sql, &[behind.into(), most.min(MOST).into()]).await?;
        rows.iter().map(mailed).collect()
    }

    /// The ended messages of these orders, in no order.
    pub async fn among(&self, orders: &[&str]) -> Result<Vec<Mailed>, StoreError> {
        let sql = |ids: &str| format!("{MAILED} AND order_id IN ({ids})");
        let rows = self.database.query_among(orders, sql).await?;
        rows.iter().map(mailed).collect()
    }

    /// The newest of a channel that ended, newest first, of one order or of all.
    async fn newest(
        &self,
        channel: Channel,
        order_id: Option<&str>,
        most: u32,
    ) -> Result<Vec<Shown>, StoreError> {
        if order_id.is_some_and(|id| id.contains('\0')) {
            // Postgres has none in texts, and refuses to be asked.
            return Ok(Vec::new());
        }
        const COLUMNS: &str =
            "event_id, order_id, template, destination, subject, body, state, answer, at";
        let (filter, mut values) = match order_id {
            Some(order_id) => ("AND order_id = $3", vec![Value::from(order_id)]),
            None => ("", Vec::new()),
        };
        values.splice(..0, [most.into(), channel_word(channel).into()]);
        let sql = format!(
            "SELECT {COLUMNS} FROM notifications_deliveries
             WHERE state <> 'DUE' AND channel = $2 {filter} ORDER BY id DESC LIMIT $1"
        );
        self.database.query(&sql, &values).await?.iter().map(Shown::read).collect()
    }
}

const MAILED: &str = "SELECT id, event_id, order_id, template, destination, state, channel, \
    delivery_id, attempts FROM notifications_deliveries WHERE state <> 'DUE'";

fn mailed(row: &Row) -> Result<Mailed, StoreError> {
    Ok(Mailed {
        place: row.get(0)?,
        event_id: row.get(1)?,
        order_id: row.get(2)?,
        template: row.get(3)?,
        address: row.get(4)?,
        outcome: row.get::<Outcome>(5)?.0,
        channel: channel_of(&row.get::<String>(6)?),
        delivery_id: row.get(7)?,
        attempts: row.get(8)?,
    })
}

/// One message as it is shown.
#[derive(Clone, Debug, Serialize)]
struct Shown {
    event_id: String,
    order_id: String,
    template: String,
    /// Deleted with the order's contact.
    address: Option<String>,
    subject: String,
    body: String,
    outcome: DeliveryOutcome,
    detail: Option<String>,
    at: DateTime<Utc>,
}

impl Shown {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            event_id: row.get(0)?,
            order_id: row.get(1)?,
            template: row.get(2)?,
            address: row.get(3)?,
            subject: row.get(4)?,
            body: row.get(5)?,
            outcome: row.get::<Outcome>(6)?.0,
            detail: row.get(7)?,
            at: row.get(8)?,
        })
    }
}

struct Outcome(DeliveryOutcome);

impl FromValue for Outcome {
    const EXPECTED: &'static str = "SENT or FAILED";

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(Self(outcome_of(text))),
            _ => None,
        }
    }
}

/// As it stands in the table.
fn outcome_text(outcome: DeliveryOutcome) -> &'static str {
    match outcome {
        DeliveryOutcome::Sent => "SENT",
        DeliveryOutcome::Failed => "FAILED",
        DeliveryOutcome::Unknown => "UNKNOWN",
    }
}

fn outcome_of(text: &str) -> DeliveryOutcome {
    match text {
        "SENT" => DeliveryOutcome::Sent,
        "FAILED" => DeliveryOutcome::Failed,
        _ => DeliveryOutcome::Unknown,
    }
}
