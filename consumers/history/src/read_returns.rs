//! What came back of an order.

use chrono::{DateTime, Utc};
use orderly_stores::StoreError;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::{Line, ReadModel, read_order::line, show_values};

/// Goods that came back at once, under a number of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Return {
    /// The return.
    pub return_id: String,
    /// When they came back.
    #[serde(serialize_with = "show_values::moment")]
    pub returned_at: DateTime<Utc>,
    /// What they came to, before discounts.
    #[serde(serialize_with = "show_values::total")]
    pub total: Decimal,
    /// What came back, at the prices it was sold for.
    pub lines: Vec<Line>,
}

/// Most lines of returns that are read. An order has 500 itself.
const MOST_LINES: i64 = 10_000;

impl ReadModel {
    pub(crate) async fn returns_of(&self, order_id: &str) -> Result<Vec<Return>, StoreError> {
        let rows = self.db.query(SELECT_RETURNS, &[order_id.into(), MOST_LINES.into()]).await?;
        let mut returns: Vec<Return> = Vec::new();
        for row in &rows {
            let (return_id, line): (String, _) = (row.get(0)?, line(row, 3)?);
            match returns.last_mut().filter(|last| last.return_id == return_id) {
                Some(last) => last.lines.push(line),
                None => returns.push(Return {
                    return_id,
                    returned_at: row.get(1)?,
                    total: row.get(2)?,
                    lines: vec![line],
                }),
            }
        }
        Ok(returns)
    }
}

const SELECT_RETURNS: &str = "
    SELECT r.order_id, r.returned_at, r.total, l.sku, l.name, l.quantity, l.unit_price
    FROM history_returns r JOIN history_return_lines l ON l.order_id = r.order_id
    WHERE r.original_order_id = $1 ORDER BY r.returned_at, r.order_id, l.line_no LIMIT $2";
