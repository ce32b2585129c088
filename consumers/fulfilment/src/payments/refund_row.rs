//! Money that goes back to a customer.

use chrono::{DateTime, Utc};
use fulfilment_payment::{Operation, Request};
use orderly_stores::{Row, StoreError, Tx, Value};
use rust_decimal::Decimal;

use super::payment_row::{PaymentRow, pause};
use crate::order_row::RowError;

/// A refund: to be done while it is due.
#[derive(Clone, Debug)]
pub(crate) struct RefundRow {
    /// Of a return, the return's number; of a cancelled order, the order's.
    pub(crate) refund_id: String,
    pub(crate) order_id: String,
    pub(crate) amount: Decimal,
    /// The event that it is for.
    pub(crate) caused_by: String,
    pub(crate) is_done: bool,
    pub(crate) due_at: Option<DateTime<Utc>>,
    pub(crate) tries: i64,
    pub(crate) detail: Option<String>,
}

const COLUMNS: &str = "refund_id, order_id, amount, caused_by, step, due_at, tries, detail";

const KEEP: &str = "
    INSERT INTO fulfilment_refunds (refund_id, order_id, amount, caused_by, step, due_at, tries, detail)
    SELECT r.refund_id, r.order_id, r.amount, r.caused_by, r.step, r.due_at, r.tries, r.detail
    FROM {rows: refund_id TEXT, order_id TEXT, amount DECIMAL, caused_by TEXT, step TEXT,
          due_at TIMESTAMPTZ, tries BIGINT, detail TEXT} AS r
    {in_order}
    ON CONFLICT (refund_id) DO UPDATE SET
        step = excluded.step, due_at = excluded.due_at, tries = excluded.tries,
        detail = excluded.detail";

impl RefundRow {
    /// To be done at once.
    pub(crate) fn new(
        refund_id: &str,
        order_id: &str,
        amount: Decimal,
        caused_by: &str,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            refund_id: refund_id.to_owned(),
            order_id: order_id.to_owned(),
            amount,
            caused_by: caused_by.to_owned(),
            is_done: false,
            due_at: Some(now),
            tries: 0,
            detail: None,
        }
    }

    /// What to ask the provider for, of the order's payment.
    pub(crate) fn request(&self, payment: &PaymentRow) -> Request {
        Request {
            key: format!("{}:refund", self.refund_id),
            order_id: self.order_id.clone(),
            operation: Operation::Refund {
                reference: payment.reference.clone().unwrap_or_default(),
            },
            amount: self.amount,
            currency: payment.currency.clone(),
        }
    }

    pub(crate) fn again(&mut self, now: DateTime<Utc>, why: &str) {
        self.tries += 1;
        self.due_at = Some(now + pause(self.tries));
        self.detail = Some(why.to_owned());
    }

    /// All of these orders, whose rows lock them: but for when they are due, nobody else changes them.
    pub(crate) async fn of_orders(
        tx: &mut Tx,
        order_ids: Vec<Vec<Value>>,
    ) -> Result<Vec<Self>, RowError> {
        let sql =
            format!("SELECT {COLUMNS} FROM fulfilment_refunds WHERE order_id = {{any: TEXT}}");
        tx.query_many(&sql, order_ids).await?.iter().map(Self::read).collect()
    }

    /// Those that are due, the longest due first, without those that somebody else is at.
    pub(crate) async fn due(
        tx: &mut Tx,
        now: DateTime<Utc>,
        most: i64,
    ) -> Result<Vec<Self>, RowError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM fulfilment_refunds WHERE due_at <= $1
             ORDER BY due_at, refund_id LIMIT $2 {{skip_locked}}"
        );
        tx.query(&sql, &[now.into(), most.into()]).await?.iter().map(Self::read).collect()
    }

    /// Keeps these as they are now.
    pub(crate) async fn keep(
        tx: &mut Tx,
        refunds: impl Iterator<Item = &Self>,
    ) -> Result<(), StoreError> {
        let row = |refund: &Self| {
            vec![
                (&refund.refund_id).into(),
                (&refund.order_id).into(),
                refund.amount.into(),
                (&refund.caused_by).into(),
                if refund.is_done { "done" } else { "refunding" }.into(),
                refund.due_at.into(),
                refund.tries.into(),
                refund.detail.as_ref().into(),
            ]
        };
        let rows: Vec<Vec<Value>> = refunds.map(row).collect();
        if !rows.is_empty() {
            tx.execute_many(KEEP, rows).await?;
        }
        Ok(())
    }

    fn read(row: &Row) -> Result<Self, RowError> {
        Ok(Self {
            refund_id: row.get(0)?,
            order_id: row.get(1)?,
            amount: row.get(2)?,
            caused_by: row.get(3)?,
            is_done: row.get::<String>(4)? == "done",
            due_at: row.get(5)?,
            tries: row.get(6)?,
            detail: row.get(7)?,
        })
    }
}
