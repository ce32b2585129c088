//! A user's orders, newest first, page by page.

use chrono::{DateTime, Utc};
use orderly_stores::{Row, StoreError};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use crate::{ReadModel, read_model::may_be_kept, show_values};

/// A page of a user's orders. Serialised, it is what `GET /users/{id}/orders` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderList {
    /// The orders, newest first.
    pub orders: Vec<ListedOrder>,
    /// Where the next page begins; `None` on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// An order in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedOrder {
    /// The order.
    pub order_id: String,
    /// Its status, as [`Order::status`](crate::Order::status).
    pub status: String,
    /// ISO 4217 code of the total.
    pub currency: String,
    /// What it comes to.
    #[serde(serialize_with = "show_values::total")]
    pub total: Decimal,
    /// When it was placed.
    #[serde(serialize_with = "show_values::moment")]
    pub placed_at: DateTime<Utc>,
}

/// The last order of a page: the next page begins behind it, whatever was placed meanwhile. As
/// text it is opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    placed_at: DateTime<Utc>,
    order_id: String,
}

impl ReadModel {
    /// At most `limit` orders of a user, those behind `after`, newest first: those that `caller`
    /// placed; with `None` whoever did.
    pub async fn user_orders(
        &self,
        user_id: &str,
        caller: Option<&str>,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<OrderList, StoreError> {
        let (placed_at, order_id) = match after {
            Some(after) => (after.placed_at, &*after.order_id),
            None => (the_end_of_time(), ""),
        };
        if !may_be_kept(user_id) || !caller.is_none_or(may_be_kept) {
            return Ok(OrderList { orders: vec![], next: None });
        }
        // One more than asked for says whether there is a next page.
        let most = i64::from(limit) + 1;
        let values =
            [user_id.into(), placed_at.into(), order_id.into(), most.into(), caller.into()];
        let rows = self.db.query(SELECT, &values).await?;
        let mut orders = rows.iter().map(listed).collect::<Result<Vec<_>, _>>()?;
        let mut next = None;
        if orders.len() > limit as usize {
            orders.truncate(limit as usize);
            next = orders
                .last()
                .map(|last| Cursor { placed_at: last.placed_at, order_id: last.order_id.clone() });
        }
        Ok(OrderList { orders, next })
    }
}

impl Cursor {
    /// Reads what an earlier page gave as `next`; `None` where it is nothing of that kind.
    pub fn parse(text: &str) -> Option<Self> {
        let text = String::from_utf8(hex::decode(text).ok()?).ok()?;
        let (millis, order_id) = text.split_once(':')?;
        let placed_at = DateTime::from_timestamp_millis(millis.parse().ok()?)?;
        let is_order_id = !order_id.is_empty() && may_be_kept(order_id);
        is_order_id.then(|| Self { placed_at, order_id: order_id.to_owned() })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let text = format!("{}:{}", self.placed_at.timestamp_millis(), self.order_id);
        to.serialize_str(&hex::encode(text))
    }
}

fn listed(row: &Row) -> Result<ListedOrder, StoreError> {
    Ok(ListedOrder {
        order_id: row.get(0)?,
        status: row.get(1)?,
        currency: row.get(2)?,
        total: row.get(3)?,
        placed_at: row.get(4)?,
    })
}

/// Later than any order: the last millisecond that a time of four-digit years can say.
fn the_end_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(253_402_300_799_999).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

const SELECT: &str = "
    SELECT order_id, status, currency, total, placed_at FROM history_orders
    WHERE user_id = $1 AND (placed_at, order_id) < ($2, $3) AND (caller = $5 OR $5 IS NULL)
    ORDER BY placed_at DESC, order_id DESC LIMIT $4";
