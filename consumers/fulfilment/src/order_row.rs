//! An order's row.

use chrono::{DateTime, Utc};
use orderly_schemas::Discount;
use orderly_stores::{Row, StoreError, Tx, Value};
use rust_decimal::Decimal;

use crate::{stages::Stages, words::Words};

/// Where an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Rejected,
    /// What it needs is held; its card is being authorised.
    AwaitingPayment,
    /// It will be made; until `ends_at` it waits for a cancellation.
    Confirmed,
    /// The authorised amount is being captured.
    Capturing,
    /// It has come to a stage with stations at `ends_at`, and nobody has looked for a place yet.
    Arriving,
    /// Every place of its stage is taken.
    InLine,
    InStage,
    Ready,
    Completed,
    Cancelled,
}

impl Words for State {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Rejected, "rejected"),
        (Self::AwaitingPayment, "awaiting_payment"),
        (Self::Confirmed, "confirmed"),
        (Self::Capturing, "capturing"),
        (Self::Arriving, "arriving"),
        (Self::InLine, "in_line"),
        (Self::InStage, "in_stage"),
        (Self::Ready, "ready"),
        (Self::Completed, "completed"),
        (Self::Cancelled, "cancelled"),
    ];
}

/// An order.
#[derive(Clone, Debug)]
pub(crate) struct OrderRow {
    pub(crate) order_id: String,
    pub(crate) state: State,
    /// What it goes through: the stages that it was confirmed with.
    pub(crate) stages: Stages,
    /// Index of the one it is in, or came to.
    pub(crate) stage: usize,
    /// When something is to be done about it.
    pub(crate) ends_at: Option<DateTime<Utc>>,
    pub(crate) in_line: Option<InLine>,
    pub(crate) next_sequence: i64,
    pub(crate) placed_event_id: String,
    pub(crate) traceparent: Option<String>,
    pub(crate) historic: bool,
    pub(crate) currency: String,
    /// Before discounts.
    pub(crate) total: Decimal,
    pub(crate) to_pay: Decimal,
    pub(crate) discounts: Vec<Discount>,
    /// Those whose use counts.
    pub(crate) coupons: Vec<String>,
    pub(crate) is_paid_by_card: bool,
}

/// Where an order waits for a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InLine {
    /// The stage's name.
    pub(crate) stage: String,
    /// Its turn: who came first goes first.
    pub(crate) since: DateTime<Utc>,
}

/// A line.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    /// The stage's name.
    pub(crate) stage: String,
    /// How many there are.
    pub(crate) length: i64,
    /// When the last one came.
    pub(crate) last_came: DateTime<Utc>,
}

const COLUMNS: &str = "order_id, state, stages, stage, ends_at, next_sequence, placed_event_id, \
    traceparent, historic, currency, total, to_pay, discounts, coupons, is_paid_by_card, line, since";

/// New orders, and what changes of those that are there.
const KEEP: &str = "
    INSERT INTO fulfilment_orders (order_id, state, stages, stage, ends_at, next_sequence,
        placed_event_id, traceparent, historic, currency, total, to_pay, discounts, coupons,
        is_paid_by_card, line, since)
    SELECT r.order_id, r.state, r.stages, r.stage, r.ends_at, r.next_sequence, r.placed_event_id,
        r.traceparent, r.historic, r.currency, r.total, r.to_pay, r.discounts, r.coupons,
        r.is_paid_by_card, r.line, r.since
    FROM {rows: order_id TEXT, state TEXT, stages TEXT, stage BIGINT, ends_at TIMESTAMPTZ,
          next_sequence BIGINT, placed_event_id TEXT, traceparent TEXT, historic BOOLEAN,
          currency TEXT, total DECIMAL, to_pay DECIMAL, discounts TEXT, coupons TEXT,
          is_paid_by_card BOOLEAN, line TEXT, since TIMESTAMPTZ} AS r
    {in_order}
    ON CONFLICT (order_id) DO UPDATE SET
        state = excluded.state, stage = excluded.stage, ends_at = excluded.ends_at,
        next_sequence = excluded.next_sequence, coupons = excluded.coupons,
        line = excluded.line, since = excluded.since";

impl OrderRow {
    /// Those of these that are there, by id. Nobody else changes them until `tx` ends.
    pub(crate) async fn among(
        tx: &mut Tx,
        order_ids: Vec<Vec<Value>>,
    ) -> Result<Vec<Self>, RowError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM fulfilment_orders WHERE order_id = {{any: TEXT}}
             ORDER BY order_id {{for_update}}"
        );
        let rows = tx.query_many(&sql, order_ids).await?;
        rows.iter().map(Self::read).collect()
    }

    /// Orders for which the time that was set has come, the earliest first, without those that
    /// somebody else is at.
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

    /// How many wait for a place, by stage, and when the last of them came.
    pub(crate) async fn in_lines(tx: &mut Tx) -> Result<Vec<Waiting>, StoreError> {
        let sql = "SELECT line, count(*), max(since) FROM fulfilment_orders
                   WHERE line IS NOT NULL GROUP BY line";
        let read = |row: &Row| {
            Ok(Waiting { stage: row.get(0)?, length: row.get(1)?, last_came: row.get(2)? })
        };
        tx.query(sql, &[]).await?.iter().map(read).collect()
    }

    /// The first of those that wait for a place of that stage, in the order in which they came; up to the
    /// first that somebody else is at, so that nobody is passed over.
    pub(crate) async fn first_in_line(
        tx: &mut Tx,
        stage: &str,
        most: i64,
    ) -> Result<Vec<Self>, RowError> {
        let first = |columns: &str, lock: &str| {
            format!(
                "SELECT {columns} FROM fulfilment_orders WHERE line = $1
                 ORDER BY since, order_id LIMIT $2 {lock}"
            )
        };
        let values = [stage.into(), most.into()];
        let in_turn = tx.query(&first("order_id", ""), &values).await?;
        let free = tx.query(&first(COLUMNS, "{skip_locked}"), &values).await?;
        let mut waiting = Vec::with_capacity(free.len());
        for (row, next) in free.iter().zip(&in_turn) {
            let order = Self::read(row)?;
            if order.order_id != next.get::<String>(0)? {
                break;
            }
            waiting.push(order);
        }
        Ok(waiting)
    }

    /// Keeps these as they are now: new ones, and ones that were read for it.
    pub(crate) async fn keep(
        tx: &mut Tx,
        orders: impl Iterator<Item = &Self>,
    ) -> Result<(), StoreError> {
        let rows: Vec<_> = orders.map(Self::values).collect();
        if !rows.is_empty() {
            tx.execute_many(KEEP, rows).await?;
        }
        Ok(())
    }

    fn values(&self) -> Vec<Value> {
        vec![
            (&self.order_id).into(),
            self.state.word().into(),
            self.stages.to_string().into(),
            i64::try_from(self.stage).unwrap_or(i64::MAX).into(),
            self.ends_at.into(),
            self.next_sequence.into(),
            (&self.placed_event_id).into(),
            self.traceparent.as_ref().into(),
            self.historic.into(),
            (&self.currency).into(),
            self.total.into(),
            self.to_pay.into(),
            as_json(&self.discounts).into(),
            as_json(&self.coupons).into(),
            self.is_paid_by_card.into(),
            self.in_line.as_ref().map(|line| &line.stage).into(),
            self.in_line.as_ref().map(|line| line.since).into(),
        ]
    }

    fn read(row: &Row) -> Result<Self, RowError> {
        let order_id: String = row.get(0)?;
        let texts: [String; 4] = [row.get(1)?, row.get(2)?, row.get(12)?, row.get(13)?];
        let [state, stages, discounts, coupons] = texts;
        let damaged = |column, found| RowError::Damaged {
            table: "fulfilment_orders",
            id: order_id.clone(),
            column,
            found,
        };
        let state = State::read(state, "fulfilment_orders", "state", &order_id)?;
        let Ok(parsed) = stages.parse() else { return Err(damaged("stages", stages)) };
        let Ok(given) = serde_json::from_str(&discounts) else {
            return Err(damaged("discounts", discounts));
        };
        let Ok(used) = serde_json::from_str(&coupons) else {
            return Err(damaged("coupons", coupons));
        };
        Ok(Self {
            state,
            stages: parsed,
            stage: usize::try_from(row.get::<i64>(3)?).unwrap_or(usize::MAX),
            ends_at: row.get(4)?,
            next_sequence: row.get(5)?,
            placed_event_id: row.get(6)?,
            traceparent: row.get(7)?,
            historic: row.get(8)?,
            currency: row.get(9)?,
            total: row.get(10)?,
            to_pay: row.get(11)?,
            discounts: given,
            coupons: used,
            is_paid_by_card: row.get(14)?,
            in_line: row
                .get::<Option<String>>(15)?
                .zip(row.get::<Option<DateTime<Utc>>>(16)?)
                .map(|(stage, since)| InLine { stage, since }),
            order_id,
        })
    }
}

fn as_json<T: serde::Serialize>(values: &Vec<T>) -> String {
    serde_json::to_string(values).unwrap_or_else(|_| "[]".to_owned())
}

/// Why a row can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("`{id}` in table {table}: its {column} can't be `{found}`")]
    Damaged { table: &'static str, id: String, column: &'static str, found: String },
}
