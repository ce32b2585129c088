//! The tables, and an order's row.

use chrono::{DateTime, Utc};
use orderly_stores::{Migration, Row, StoreError, Tx, Value};

/// Applied at start.
pub(crate) const MIGRATIONS: &[Migration] = &[Migration {
    name: "orders",
    sql: "
        CREATE TABLE fulfilment_orders (
            order_id TEXT PRIMARY KEY,
            state TEXT NOT NULL,
            stage BIGINT NOT NULL,
            ends_at TIMESTAMPTZ,
            next_sequence BIGINT NOT NULL,
            placed_event_id TEXT NOT NULL,
            traceparent TEXT,
            historic BOOLEAN NOT NULL
        );
        CREATE INDEX fulfilment_orders_by_end ON fulfilment_orders (ends_at);
    ",
}];

/// Where an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Rejected,
    InStage,
    Ready,
    Completed,
}

impl State {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Rejected, "rejected"),
        (Self::InStage, "in_stage"),
        (Self::Ready, "ready"),
        (Self::Completed, "completed"),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }
}

/// An order's row.
#[derive(Clone, Debug)]
pub(crate) struct OrderRow {
    pub(crate) order_id: String,
    pub(crate) state: State,
    /// Index of the stage it is in.
    pub(crate) stage: usize,
    pub(crate) ends_at: Option<DateTime<Utc>>,
    pub(crate) next_sequence: i64,
    pub(crate) placed_event_id: String,
    pub(crate) traceparent: Option<String>,
    pub(crate) historic: bool,
}

const COLUMNS: &str =
    "order_id, state, stage, ends_at, next_sequence, placed_event_id, traceparent, historic";

impl OrderRow {
    /// Keeps a new order. `false`: it is there already.
    pub(crate) async fn insert(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let sql = format!(
            "INSERT INTO fulfilment_orders ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (order_id) DO NOTHING"
        );
        let values: [Value; 8] = [
            self.order_id.as_str().into(),
            self.state.word().into(),
            stage_value(self.stage),
            self.ends_at.into(),
            self.next_sequence.into(),
            self.placed_event_id.as_str().into(),
            self.traceparent.clone().into(),
            self.historic.into(),
        ];
        Ok(tx.execute(&sql, &values).await? == 1)
    }

    /// Keeps where it is now.
    pub(crate) async fn update(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let sql = "UPDATE fulfilment_orders
                   SET state = $1, stage = $2, ends_at = $3, next_sequence = $4
                   WHERE order_id = $5";
        let values: [Value; 5] = [
            self.state.word().into(),
            stage_value(self.stage),
            self.ends_at.into(),
            self.next_sequence.into(),
            self.order_id.as_str().into(),
        ];
        tx.execute(sql, &values).await?;
        Ok(())
    }

    pub(crate) async fn find(tx: &mut Tx, order_id: &str) -> Result<Option<Self>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM fulfilment_orders WHERE order_id = $1");
        tx.query_opt(&sql, &[order_id.into()]).await?.map(|row| Self::read(&row)).transpose()
    }

    /// Orders whose stage has ended, the one that ended first first.
    pub(crate) async fn due(
        tx: &mut Tx,
        now: DateTime<Utc>,
        most: i64,
    ) -> Result<Vec<Self>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM fulfilment_orders WHERE ends_at <= $1
             ORDER BY ends_at, order_id LIMIT $2"
        );
        let rows = tx.query(&sql, &[now.into(), most.into()]).await?;
        rows.iter().map(Self::read).collect()
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let word: String = row.get(1)?;
        let state = State::ALL.iter().find(|(_, known)| *known == word);
        Ok(Self {
            order_id: row.get(0)?,
            // Written by this file only.
            state: state.map_or(State::Rejected, |(state, _)| *state),
            stage: usize::try_from(row.get::<i64>(2)?).unwrap_or(usize::MAX),
            ends_at: row.get(3)?,
            next_sequence: row.get(4)?,
            placed_event_id: row.get(5)?,
            traceparent: row.get(6)?,
            historic: row.get(7)?,
        })
    }
}

fn stage_value(stage: usize) -> Value {
    i64::try_from(stage).unwrap_or(i64::MAX).into()
}
