//! What fulfilment's tables hold, to be read: for a proof, for whoever runs a shop.

use orderly_stores::{Database, Row, StoreError};
use rust_decimal::Decimal;

use crate::{NAME, tables::MIGRATIONS};

/// Reads fulfilment's stock and payments. Cheap to clone.
#[derive(Clone)]
pub struct Books {
    database: Database,
}

/// Stock of one product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptStock {
    /// The product.
    pub sku: String,
    /// Pieces on hand, those held for orders included.
    pub on_hand: i64,
    /// Pieces held for orders.
    pub held: i64,
    /// Pieces that customers collected.
    pub sold: i64,
}

impl KeptStock {
    /// Pieces that may still be ordered.
    pub fn left(&self) -> i64 {
        (self.on_hand - self.held).max(0)
    }
}

/// What an order holds of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptHold {
    /// The order.
    pub order_id: String,
    /// The product.
    pub sku: String,
    /// Pieces.
    pub quantity: i64,
}

/// An order's payment by card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPayment {
    /// The order.
    pub order_id: String,
    /// How far it is: `authorised`, `captured`, `voided`, `declined`; others are on their way, or
    /// `stuck`.
    pub step: String,
    /// What was to be paid.
    pub amount: Decimal,
    /// Of the amount.
    pub currency: String,
    /// What of it was paid back.
    pub refunded: Decimal,
}

impl Books {
    /// Those in `database`; makes the tables where they are missing.
    pub async fn open(database: &Database) -> Result<Self, StoreError> {
        database.migrate(NAME, MIGRATIONS).await?;
        Ok(Self::of(database))
    }

    /// Those in `database`, as they are there.
    pub fn of(database: &Database) -> Self {
        Self { database: database.clone() }
    }

    /// The products behind a sku (empty: from the first), by sku, at most `most`. An empty page is
    /// the end.
    pub async fn stock_after(&self, sku: &str, most: u32) -> Result<Vec<KeptStock>, StoreError> {
        let sql = "SELECT sku, on_hand, held, sold FROM fulfilment_stock WHERE sku > $1
                   ORDER BY sku LIMIT $2";
        let rows = self.database.query(sql, &[sku.into(), most.into()]).await?;
        rows.iter().map(stock).collect()
    }

    /// Those of these products that were ever counted, in no order.
    pub async fn stock_among(&self, skus: &[&str]) -> Result<Vec<KeptStock>, StoreError> {
        let sql = |skus: &str| {
            format!("SELECT sku, on_hand, held, sold FROM fulfilment_stock WHERE sku IN ({skus})")
        };
        self.database.query_among(skus, sql).await?.iter().map(stock).collect()
    }

    /// Products of which another number is held than orders hold, as (sku, held, held by orders); some
    /// of them.
    pub async fn held_by_nobody(&self) -> Result<Vec<(String, i64, i64)>, StoreError> {
        let sql = "SELECT s.sku, s.held, CAST(coalesce(sum(h.quantity), 0) AS BIGINT) AS by_orders
                   FROM fulfilment_stock AS s LEFT JOIN fulfilment_holds AS h ON h.sku = s.sku
                   GROUP BY s.sku, s.held HAVING s.held <> coalesce(sum(h.quantity), 0)
                   ORDER BY s.sku LIMIT 100";
        let rows = self.database.query(sql, &[]).await?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
    }

    /// What these orders hold, in no order.
    pub async fn holds_among(&self, orders: &[&str]) -> Result<Vec<KeptHold>, StoreError> {
        let sql = |ids: &str| {
            format!(
                "SELECT order_id, sku, quantity FROM fulfilment_holds WHERE order_id IN ({ids})"
            )
        };
        let rows = self.database.query_among(orders, sql).await?;
        let hold = |row: &Row| {
            Ok(KeptHold { order_id: row.get(0)?, sku: row.get(1)?, quantity: row.get(2)? })
        };
        rows.iter().map(hold).collect()
    }

    /// The payments of these orders, in no order; of what isn't paid by card there is none.
    pub async fn payments_among(&self, orders: &[&str]) -> Result<Vec<KeptPayment>, StoreError> {
        let sql = |ids: &str| {
            format!(
                "SELECT order_id, step, amount, currency FROM fulfilment_payments
                 WHERE order_id IN ({ids})"
            )
        };
        let rows = self.database.query_among(orders, sql).await?;
        let payment = |row: &Row| {
            Ok(KeptPayment {
                order_id: row.get(0)?,
                step: row.get(1)?,
                amount: row.get(2)?,
                currency: row.get(3)?,
                refunded: Decimal::ZERO,
            })
        };
        let mut payments = rows.iter().map(payment).collect::<Result<Vec<_>, StoreError>>()?;
        let sql = |ids: &str| {
            format!(
                "SELECT order_id, amount FROM fulfilment_refunds
                 WHERE step = 'done' AND order_id IN ({ids})"
            )
        };
        for row in self.database.query_among(orders, sql).await? {
            let (order_id, amount): (String, Decimal) = (row.get(0)?, row.get(1)?);
            let of = payments.iter_mut().find(|payment| payment.order_id == order_id);
            of.into_iter().for_each(|payment| payment.refunded += amount);
        }
        Ok(payments)
    }

    /// Whether nothing is left to be asked of the payment provider.
    pub async fn are_settled(&self) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM fulfilment_payments WHERE due_at IS NOT NULL
                   UNION ALL SELECT 1 FROM fulfilment_refunds WHERE due_at IS NOT NULL LIMIT 1";
        Ok(self.database.query_opt(sql, &[]).await?.is_none())
    }
}

fn stock(row: &Row) -> Result<KeptStock, StoreError> {
    Ok(KeptStock { sku: row.get(0)?, on_hand: row.get(1)?, held: row.get(2)?, sold: row.get(3)? })
}
