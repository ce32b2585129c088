//! One order's payment.

use chrono::{DateTime, TimeDelta, Utc};
use fulfilment_payment::{Operation, Request};
use orderly_stores::{Row, StoreError, Tx, Value};
use rust_decimal::Decimal;

use crate::{order_row::RowError, words::Words};

/// How far a payment is. Those with `-ing` are to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Authorising,
    Authorised,
    Declined,
    Capturing,
    Captured,
    Voiding,
    Voided,
    /// The provider refuses what follows from what it said: a person must look.
    Stuck,
}

impl Words for Step {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Authorising, "authorising"),
        (Self::Authorised, "authorised"),
        (Self::Declined, "declined"),
        (Self::Capturing, "capturing"),
        (Self::Captured, "captured"),
        (Self::Voiding, "voiding"),
        (Self::Voided, "voided"),
        (Self::Stuck, "stuck"),
    ];
}

/// A payment.
#[derive(Clone, Debug)]
pub(crate) struct PaymentRow {
    pub(crate) order_id: String,
    pub(crate) step: Step,
    pub(crate) amount: Decimal,
    pub(crate) currency: String,
    /// Until it is authorised.
    pub(crate) token: Option<String>,
    /// The provider's name for it, once it is authorised.
    pub(crate) reference: Option<String>,
    /// Its order still stands.
    pub(crate) is_wanted: bool,
    /// When the provider is asked; `None`: there is nothing to do.
    pub(crate) due_at: Option<DateTime<Utc>>,
    pub(crate) tries: i64,
    /// Its order waits no longer.
    pub(crate) expires_at: DateTime<Utc>,
    /// What the provider said, for a person.
    pub(crate) detail: Option<String>,
    /// It may be done already: it is being asked for, or an answer was lost.
    pub(crate) may_be_done: bool,
}

const COLUMNS: &str = "order_id, step, amount, currency, token, reference, is_wanted, due_at, \
    tries, expires_at, detail, may_be_done";

const KEEP: &str = "
    INSERT INTO fulfilment_payments (order_id, step, amount, currency, token, reference, is_wanted,
        due_at, tries, expires_at, detail, may_be_done)
    SELECT r.order_id, r.step, r.amount, r.currency, r.token, r.reference, r.is_wanted, r.due_at,
        r.tries, r.expires_at, r.detail, r.may_be_done
    FROM {rows: order_id TEXT, step TEXT, amount DECIMAL, currency TEXT, token TEXT,
          reference TEXT, is_wanted BOOLEAN, due_at TIMESTAMPTZ, tries BIGINT,
          expires_at TIMESTAMPTZ, detail TEXT, may_be_done BOOLEAN} AS r
    {in_order}
    ON CONFLICT (order_id) DO UPDATE SET
        step = excluded.step, token = excluded.token, reference = excluded.reference,
        is_wanted = excluded.is_wanted, due_at = excluded.due_at, tries = excluded.tries,
        detail = excluded.detail, may_be_done = excluded.may_be_done";

/// Longest pause between two tries.
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(60);
const FIRST_PAUSE_MILLIS: i64 = 200;

impl PaymentRow {
    /// What to ask the provider for; `None`: nothing. The key is the same at every try.
    pub(crate) fn request(&self) -> Option<Request> {
        let reference = || self.reference.clone().unwrap_or_default();
        let (word, operation) = match self.step {
            Step::Authorising => {
                let token = self.token.clone().unwrap_or_default();
                ("authorise", Operation::Authorise { token })
            }
            Step::Capturing => ("capture", Operation::Capture { reference: reference() }),
            Step::Voiding => ("void", Operation::Void { reference: reference() }),
            _ => return None,
        };
        Some(Request {
            key: format!("{}:{word}", self.order_id),
            order_id: self.order_id.clone(),
            operation,
            amount: self.amount,
            currency: self.currency.clone(),
        })
    }

    /// That is to be done next.
    pub(crate) fn go(&mut self, step: Step, now: DateTime<Utc>) {
        self.step = step;
        self.tries = 0;
        self.due_at = Some(now);
        self.may_be_done = false;
    }

    /// Nothing is left to be done.
    pub(crate) fn rest(&mut self, step: Step) {
        self.step = step;
        self.due_at = None;
        self.token = None;
    }

    /// To be asked again, later each time.
    pub(crate) fn again(&mut self, now: DateTime<Utc>, why: &str) {
        self.tries += 1;
        self.due_at = Some(now + pause(self.tries));
        self.detail = Some(why.to_owned());
    }

    /// Its order no longer stands: what was authorised is voided, what comes of a step that is on its
    /// way is undone when it is known, and what surely wasn't done is never asked for again.
    pub(crate) fn give_up(&mut self, now: DateTime<Utc>) {
        self.is_wanted = false;
        match self.step {
            Step::Authorised => self.go(Step::Voiding, now),
            Step::Capturing if !self.may_be_done => self.go(Step::Voiding, now),
            Step::Authorising if !self.may_be_done => self.rest(Step::Declined),
            _ => {}
        }
    }

    /// Of these orders. Nobody else changes them until `tx` ends.
    pub(crate) async fn among(
        tx: &mut Tx,
        order_ids: Vec<Vec<Value>>,
    ) -> Result<Vec<Self>, RowError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM fulfilment_payments WHERE order_id = {{any: TEXT}}
             ORDER BY order_id {{for_update}}"
        );
        tx.query_many(&sql, order_ids).await?.iter().map(Self::read).collect()
    }

    /// An order's, as it is now; whoever else is at it goes on.
    pub(crate) async fn seen(tx: &mut Tx, order_id: &str) -> Result<Option<Self>, RowError> {
        let sql = format!("SELECT {COLUMNS} FROM fulfilment_payments WHERE order_id = $1");
        let rows = tx.query(&sql, &[order_id.into()]).await?;
        rows.first().map(Self::read).transpose()
    }

    /// Those that are due, the longest due first, without those that somebody else is at.
    pub(crate) async fn due(
        tx: &mut Tx,
        now: DateTime<Utc>,
        most: i64,
    ) -> Result<Vec<Self>, RowError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM fulfilment_payments WHERE due_at <= $1
             ORDER BY due_at, order_id LIMIT $2 {{skip_locked}}"
        );
        tx.query(&sql, &[now.into(), most.into()]).await?.iter().map(Self::read).collect()
    }

    /// Keeps these as they are now.
    pub(crate) async fn keep(
        tx: &mut Tx,
        payments: impl Iterator<Item = &Self>,
    ) -> Result<(), StoreError> {
        let rows: Vec<_> = payments.map(Self::values).collect();
        if !rows.is_empty() {
            tx.execute_many(KEEP, rows).await?;
        }
        Ok(())
    }

    fn values(&self) -> Vec<Value> {
        vec![
            (&self.order_id).into(),
            self.step.word().into(),
            self.amount.into(),
            (&self.currency).into(),
            self.token.as_ref().into(),
            self.reference.as_ref().into(),
            self.is_wanted.into(),
            self.due_at.into(),
            self.tries.into(),
            self.expires_at.into(),
            self.detail.as_ref().into(),
            self.may_be_done.into(),
        ]
    }

    fn read(row: &Row) -> Result<Self, RowError> {
        let (order_id, step): (String, String) = (row.get(0)?, row.get(1)?);
        let step = Step::read(step, "fulfilment_payments", "step", &order_id)?;
        Ok(Self {
            order_id,
            step,
            amount: row.get(2)?,
            currency: row.get(3)?,
            token: row.get(4)?,
            reference: row.get(5)?,
            is_wanted: row.get(6)?,
            due_at: row.get(7)?,
            tries: row.get(8)?,
            expires_at: row.get(9)?,
            detail: row.get(10)?,
            may_be_done: row.get(11)?,
        })
    }
}

/// Twice as long each time. Many that failed together are asked for one after the other anyway.
pub(super) fn pause(tries: i64) -> TimeDelta {
    let doublings = u32::try_from(tries.clamp(1, 20) - 1).unwrap_or_default();
    TimeDelta::milliseconds(FIRST_PAUSE_MILLIS << doublings).min(LONGEST_PAUSE)
}
