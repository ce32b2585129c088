//! The tables, and an order's row.

use chrono::{DateTime, Utc};
use orderly_stores::{Migration, Row, StoreError, Tx, Value};

use crate::stages::Stages;

/// Applied at start.
pub(crate) const MIGRATIONS: &[Migration] = &[Migration {
    name: "orders",
    sql: "
        CREATE TABLE fulfilment_orders (
            order_id TEXT PRIMARY KEY,
            state TEXT NOT NULL,
            stages TEXT NOT NULL,
            stage BIGINT NOT NULL,
            ends_at TIMESTAMPTZ,
            next_sequence BIGINT NOT NULL,
            placed_event_id TEXT NOT NULL,
            traceparent TEXT,
            historic BOOLEAN NOT NULL
        );
        CREATE INDEX fulfilment_orders_by_end ON fulfilment_orders (ends_at, order_id)
            WHERE ends_at IS NOT NULL;
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
    /// What it goes through: the stages that it was confirmed with.
    pub(crate) stages: Stages,
    /// Index of the one it is in.
    pub(crate) stage: usize,
    pub(crate) ends_at: Option<DateTime<Utc>>,
    pub(crate) next_sequence: i64,
    pub(crate) placed_event_id: String,
    pub(crate) traceparent: Option<String>,
    pub(crate) historic: bool,
}

const COLUMNS: &str = "order_id, state, stages, stage, ends_at, next_sequence, placed_event_id, traceparent, historic";

impl OrderRow {
    /// Keeps a new order. `false`: it is there already.
    pub(crate) async fn insert(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let sql = format!(
            "INSERT INTO fulfilment_orders ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (order_id) DO NOTHING"
        );
        let values: [Value; 9] = [
            self.order_id.as_str().into(),
            self.state.word().into(),
            self.stages.to_string().into(),
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

    /// Nobody else changes it until `tx` ends.
    pub(crate) async fn find(tx: &mut Tx, order_id: &str) -> Result<Option<Self>, RowError> {
        let sql =
            format!("SELECT {COLUMNS} FROM fulfilment_orders WHERE order_id = $1 {{for_update}}");
        tx.query_opt(&sql, &[order_id.into()]).await?.map(|row| Self::read(&row)).transpose()
    }

    /// Orders whose stage has ended, the one that ended first first, without those that somebody
    /// else is at.
    pub(crate) async fn due(
        tx: &mut Tx,
        now: DateTime<Utc>,
        most: i64,
    ) -> Result<Vec<Self>, RowError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM fulfilment_orders WHERE ends_at <= $1
             ORDER BY ends_at, order_id LIMIT $2 {{skip_locked}}"
        );
        let rows = tx.query(&sql, &[now.into(), most.into()]).await?;
        rows.iter().map(Self::read).collect()
    }

    fn read(row: &Row) -> Result<Self, RowError> {
        let order_id: String = row.get(0)?;
        let (state, stages): (String, String) = (row.get(1)?, row.get(2)?);
        let damaged =
            |column, found| RowError::Damaged { order_id: order_id.clone(), column, found };
        let Some((known, _)) = State::ALL.iter().find(|(_, word)| *word == state) else {
            return Err(damaged("state", state));
        };
        let Ok(parsed) = stages.parse() else { return Err(damaged("stages", stages)) };
        Ok(Self {
            state: *known,
            stages: parsed,
            stage: usize::try_from(row.get::<i64>(3)?).unwrap_or(usize::MAX),
            ends_at: row.get(4)?,
            next_sequence: row.get(5)?,
            placed_event_id: row.get(6)?,
            traceparent: row.get(7)?,
            historic: row.get(8)?,
            order_id,
        })
    }
}

/// Why an order's row can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("order `{order_id}` in table fulfilment_orders: its {column} can't be `{found}`")]
    Damaged { order_id: String, column: &'static str, found: String },
}

fn stage_value(stage: usize) -> Value {
    i64::try_from(stage).unwrap_or(i64::MAX).into()
}
