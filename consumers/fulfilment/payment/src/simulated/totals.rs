//! What became of the money, for proofs.

use std::collections::BTreeMap;

use orderly_stores::{Database, Row, StoreError};
use rust_decimal::Decimal;

use super::Simulated;

/// What was done in one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Set aside, whatever became of it.
    pub authorised: Decimal,
    /// Taken.
    pub captured: Decimal,
    /// Let go by a void.
    pub voided: Decimal,
    /// Given back.
    pub refunded: Decimal,
    /// Number of authorisations.
    pub authorised_count: i64,
    /// Number of captured payments.
    pub captured_count: i64,
    /// Number of voided payments.
    pub voided_count: i64,
    /// Number of keys that were declined.
    pub declined_count: i64,
    /// Number of keys that were asked for and aren't done: unavailable so far, or refused.
    pub undone_count: i64,
    /// How often anything was asked for, repeats and refusals by the rules counted. Not counted: what can't be
    /// taken at all, and what came during an outage.
    pub calls: i64,
}

/// What is set aside, and neither captured nor voided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAuthorisation {
    /// The payment.
    pub reference: String,
    /// Its order.
    pub order_id: String,
    /// How much.
    pub amount: Decimal,
    /// In which currency.
    pub currency: String,
}

impl Simulated {
    /// Sums by currency: of all orders, or of these (each named once). Taken while nothing is asked for, they fit
    /// each other.
    pub async fn totals(
        &self,
        orders: Option<&[&str]>,
    ) -> Result<BTreeMap<String, Totals>, StoreError> {
        let mut totals: BTreeMap<String, Totals> = BTreeMap::new();
        let payments =
            "SELECT currency, state, COUNT(*), decimal_sum(authorised), decimal_sum(captured),
                            decimal_sum(voided), decimal_sum(refunded)
                        FROM payment_sandbox_payments";
        for row in grouped(&self.database, payments, orders).await? {
            let one = totals.entry(row.get(0)?).or_default();
            let (state, count): (String, i64) = (row.get(1)?, row.get(2)?);
            one.authorised_count += count;
            match state.as_str() {
                "captured" => one.captured_count += count,
                "voided" => one.voided_count += count,
                _ => {}
            }
            one.authorised += row.get::<Decimal>(3)?;
            one.captured += row.get::<Decimal>(4)?;
            one.voided += row.get::<Decimal>(5)?;
            one.refunded += row.get::<Decimal>(6)?;
        }
        let requests = "SELECT currency, state, COUNT(*), SUM(calls) FROM payment_sandbox_requests";
        for row in grouped(&self.database, requests, orders).await? {
            let one = totals.entry(row.get(0)?).or_default();
            let (state, count): (String, i64) = (row.get(1)?, row.get(2)?);
            match state.as_str() {
                "declined" => one.declined_count += count,
                "nothing" => one.undone_count += count,
                _ => {}
            }
            one.calls += row.get::<i64>(3)?;
        }
        Ok(totals)
    }

    /// Of how many of these orders (each named once) anything was asked for in an outage.
    pub async fn turned_away(&self, orders: &[&str]) -> Result<u64, StoreError> {
        let among = |ids: &str| {
            format!("SELECT COUNT(*) FROM payment_sandbox_turned_away WHERE order_id IN ({ids})")
        };
        let mut count = 0;
        for row in self.database.query_among(orders, among).await? {
            count += row.get::<i64>(0)?.unsigned_abs();
        }
        Ok(count)
    }

    /// What is set aside and open, by order: of all orders, or of these (each named once). More than 1,000,000 are
    /// an error.
    pub async fn open_authorisations(
        &self,
        orders: Option<&[&str]>,
    ) -> Result<Vec<OpenAuthorisation>, StoreError> {
        let sql = "SELECT reference, order_id, authorised, currency FROM payment_sandbox_payments
                   WHERE state = 'authorised'";
        let rows = match orders {
            None => self.database.query(sql, &[]).await?,
            Some(orders) => {
                let among = |ids: &str| format!("{sql} AND order_id IN ({ids})");
                self.database.query_among(orders, among).await?
            }
        };
        let mut open = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        open.sort_by(|a, b| (&a.order_id, &a.reference).cmp(&(&b.order_id, &b.reference)));
        Ok(open)
    }
}

fn read(row: &Row) -> Result<OpenAuthorisation, StoreError> {
    Ok(OpenAuthorisation {
        reference: row.get(0)?,
        order_id: row.get(1)?,
        amount: row.get(2)?,
        currency: row.get(3)?,
    })
}

/// By currency and state; of orders that are named, in parts that are to be added.
async fn grouped(
    database: &Database,
    sql: &str,
    orders: Option<&[&str]>,
) -> Result<Vec<Row>, StoreError> {
    let by = "GROUP BY currency, state";
    match orders {
        None => database.query(&format!("{sql} {by}"), &[]).await,
        Some(orders) => {
            let among = |ids: &str| format!("{sql} WHERE order_id IN ({ids}) {by}");
            database.query_among(orders, among).await
        }
    }
}
