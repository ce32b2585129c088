//! What was sold and what came back, from the lines: added up exactly, rounded once.

use std::collections::BTreeMap;

use orderly_schemas::money::UNIT_PRICE_SCALE;
use orderly_stores::{Row, StoreError, Value};
use rust_decimal::Decimal;

use crate::{ReadModel, page_through::MOST_A_PAGE, show_values::round_to_cents};

/// A sum per currency, each rounded to two decimals, halves away from zero.
pub type Sums = BTreeMap<String, Decimal>;

/// Why no sum can be given.
#[derive(Debug, thiserror::Error)]
pub enum SumError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A price that no schema here allows: a sum with it wouldn't be exact.
    #[error(
        "line {line_no} of `{order_id}` has a unit price of more than 4 decimals: {unit_price}"
    )]
    TooFine {
        /// The order or return.
        order_id: String,
        /// The line.
        line_no: i64,
        /// Its price.
        unit_price: Decimal,
    },
    /// More digits than a decimal has.
    #[error("the amounts in {currency} come to more than can be said exactly")]
    TooLarge {
        /// The currency.
        currency: String,
    },
}

impl ReadModel {
    /// What the lines of all placed orders come to. Reads all of them: for tools, not for
    /// requests.
    pub async fn sales(&self) -> Result<Sums, SumError> {
        self.sum(SOLD).await
    }

    /// What the lines of all returns come to.
    pub async fn returns(&self) -> Result<Sums, SumError> {
        self.sum(RETURNED).await
    }

    /// The same of these orders alone.
    pub async fn sales_among(&self, ids: &[&str]) -> Result<Sums, SumError> {
        self.sum_among(SOLD, ids).await
    }

    /// The same of these returns alone.
    pub async fn returns_among(&self, ids: &[&str]) -> Result<Sums, SumError> {
        self.sum_among(RETURNED, ids).await
    }

    async fn sum_among(&self, lines: &str, ids: &[&str]) -> Result<Sums, SumError> {
        let rows =
            self.db.query_among(ids, |ids| format!("{lines} WHERE l.order_id IN ({ids})")).await?;
        let mut sums = BTreeMap::new();
        add(&rows, &mut sums)?;
        sums.into_iter().map(round).collect()
    }

    async fn sum(&self, lines: &str) -> Result<Sums, SumError> {
        let sql = format!(
            "{lines} WHERE (l.order_id, l.line_no) > ($1, $2)
             ORDER BY l.order_id, l.line_no LIMIT $3"
        );
        let mut sums = BTreeMap::new();
        let mut after = (String::new(), 0);
        loop {
            let values: [Value; 3] = [(&after.0).into(), after.1.into(), MOST_A_PAGE.into()];
            let rows = self.db.query(&sql, &values).await?;
            let Some(last) = rows.last() else { break };
            after = (last.get(0)?, last.get(1)?);
            add(&rows, &mut sums)?;
        }
        sums.into_iter().map(round).collect()
    }
}

fn add(rows: &[Row], sums: &mut BTreeMap<String, i128>) -> Result<(), SumError> {
    for row in rows {
        let (currency, amount) = amount(row)?;
        let sum = sums.get(&currency).copied().unwrap_or_default();
        let sum = sum.checked_add(amount);
        let sum = sum.ok_or_else(|| SumError::TooLarge { currency: currency.clone() })?;
        sums.insert(currency, sum);
    }
    Ok(())
}

/// A line's currency and amount, in units of the last decimal that a price may have. Integers,
/// because decimals drop digits where they run out of them.
fn amount(row: &Row) -> Result<(String, i128), SumError> {
    let (order_id, line_no): (String, i64) = (row.get(0)?, row.get(1)?);
    let (quantity, unit_price): (i64, Decimal) = (row.get(2)?, row.get(3)?);
    let currency: String = row.get(4)?;
    let price = unit_price.normalize();
    let Some(missing) = UNIT_PRICE_SCALE.checked_sub(price.scale()) else {
        return Err(SumError::TooFine { order_id, line_no, unit_price });
    };
    let amount = 10_i128
        .checked_pow(missing)
        .and_then(|power| price.mantissa().checked_mul(power))
        .and_then(|price| price.checked_mul(quantity.into()));
    match amount {
        Some(amount) => Ok((currency, amount)),
        None => Err(SumError::TooLarge { currency }),
    }
}

fn round((currency, sum): (String, i128)) -> Result<(String, Decimal), SumError> {
    match Decimal::try_from_i128_with_scale(sum, UNIT_PRICE_SCALE) {
        Ok(sum) => Ok((currency, round_to_cents(sum))),
        Err(_) => Err(SumError::TooLarge { currency }),
    }
}

const SOLD: &str = "
    SELECT l.order_id, l.line_no, l.quantity, l.unit_price, o.currency
    FROM history_lines l JOIN history_orders o ON o.order_id = l.order_id";

const RETURNED: &str = "
    SELECT l.order_id, l.line_no, l.quantity, l.unit_price, r.currency
    FROM history_return_lines l JOIN history_returns r ON r.order_id = l.order_id";
