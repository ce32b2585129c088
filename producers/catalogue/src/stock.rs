//! What was counted of a product. Each count is told, also one that gives what the last one gave: in
//! between some may have been sold.

use chrono::{DateTime, SecondsFormat, Utc};
use orderly_schemas::StockCounted;
use orderly_sdk::{Meta, codec::Encoders};
use orderly_stores::{Database, Row, StoreError, Value, outbox};
use orderly_web::{
    Problem,
    json::{Found, Json},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    problem::Kind,
    products::{NotChanged, begin, commit, find_in},
};

/// A count. Fields that aren't listed are refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountRequest {
    /// Pieces on hand, those held for orders included.
    #[schema(minimum = 0, maximum = 2_147_483_647_u32)]
    pub on_hand: i32,
}

/// The last count of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CountView {
    /// The product.
    pub sku: String,
    /// Pieces on hand at the count. What was sold since is the order processing's to know.
    pub on_hand: i32,
    /// When it was told.
    #[schema(format = "date-time", example = "2026-11-28T08:15:00.000Z")]
    pub counted_at: String,
}

impl CountView {
    fn new(sku: String, on_hand: i32, at: DateTime<Utc>) -> Self {
        Self { sku, on_hand, counted_at: at.to_rfc3339_opts(SecondsFormat::Millis, true) }
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self::new(row.get(0)?, row.get(1)?, row.get(2)?))
    }
}

/// The count in a body.
pub(crate) fn read(body: &[u8]) -> Result<i32, Problem<Kind>> {
    let json = Json::of_body(body)?;
    let mut found = Found::default();
    let on_hand = found
        .fields(&json, ["on_hand"])
        .and_then(|[on_hand]| found.required("on_hand", on_hand, whole));
    match on_hand {
        Some(on_hand) if found.is_empty() => Ok(on_hand),
        _ => Err(found.into_problem(Kind::InvalidCount)),
    }
}

fn whole(value: &Json<'_>) -> Result<i32, String> {
    let rule = || format!("has to be a whole number from 0 to {}", i32::MAX);
    match value {
        Json::Integer(number) => i32::try_from(*number).ok().filter(|n| *n >= 0).ok_or_else(rule),
        Json::Number => Err(rule()),
        other => Err(format!("{}, not {}", rule(), other.kind())),
    }
}

/// Keeps a count and tells of it. The product has to be there: a count of what nobody can order is
/// a slip of the pen.
pub(crate) async fn count(
    database: &Database,
    encoders: &Encoders,
    sku: &str,
    on_hand: i32,
    meta: impl FnOnce() -> Meta,
) -> Result<CountView, NotChanged> {
    let mut tx = begin(database, sku).await?;
    if find_in(&mut tx, sku).await?.is_none() {
        return Err(NotChanged::NoSuchProduct);
    }
    let meta = meta();
    let told = encoders.record(&StockCounted { sku: sku.to_owned(), on_hand }, &meta)?;
    let values: [Value; 3] = [sku.into(), on_hand.into(), meta.time.into()];
    tx.execute(UPSERT, &values).await?;
    outbox::insert(&mut tx, &[told]).await?;
    commit(tx).await?;
    Ok(CountView::new(sku.to_owned(), on_hand, meta.time))
}

pub(crate) async fn last(database: &Database, sku: &str) -> Result<Option<CountView>, StoreError> {
    let sql = "SELECT sku, on_hand, counted_at FROM catalogue_stock WHERE sku = $1";
    database.query_opt(sql, &[sku.into()]).await?.as_ref().map(CountView::read).transpose()
}

const UPSERT: &str = "
    INSERT INTO catalogue_stock (sku, on_hand, counted_at) VALUES ($1, $2, $3)
    ON CONFLICT (sku) DO UPDATE SET on_hand = excluded.on_hand, counted_at = excluded.counted_at";
