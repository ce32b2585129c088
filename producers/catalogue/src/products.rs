//! Products as they are kept. A change and what tells of it are one transaction; while it goes on,
//! its product's key of the outbox is held, so changes of a product follow one another.

use orderly_schemas::{ProductChanged, ProductState, StockCounted};
use orderly_sdk::{Event as _, Meta, codec::Encoders};
use orderly_stores::{Database, StoreError, Tx, Value, outbox};
use orderly_web::Preconditions;

use crate::tables::{COLUMNS, Kept, state_text};

/// What became of a product that was put.
pub(crate) enum Put {
    Created(Kept),
    Replaced(Kept),
    /// It is as it was; nothing is told.
    Unchanged(Kept),
}

/// Why a change isn't made.
#[derive(Debug)]
pub(crate) enum NotChanged {
    /// The product is another than the caller saw.
    Otherwise,
    NoSuchProduct,
    Failed(Failed),
}

/// What failed, and whether something may have been written.
#[derive(Debug)]
pub(crate) enum Failed {
    Before(Box<dyn std::error::Error + Send + Sync>),
    /// The database went away before it answered to the commit.
    Commit(StoreError),
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for NotChanged {
    fn from(error: E) -> Self {
        Self::Failed(Failed::Before(error.into()))
    }
}

pub(crate) async fn put(
    database: &Database,
    encoders: &Encoders,
    product: ProductChanged,
    conditions: &Preconditions,
    meta: impl FnOnce() -> Meta,
) -> Result<Put, NotChanged> {
    let mut tx = begin(database, &product.sku).await?;
    let before = find_in(&mut tx, &product.sku).await?;
    if !conditions.allow_change(before.as_ref().map(|kept| &*kept.version)) {
        return Err(NotChanged::Otherwise);
    }
    if let Some(before) = &before
        && before.product == product
    {
        return Ok(Put::Unchanged(before.clone()));
    }
    // Behind the lock: of one product, what is later in the topic happened later.
    let meta = meta();
    let told = encoders.record(&product, &meta)?;
    let after = Kept { product, version: meta.id.to_string() };
    tx.execute(UPSERT, &after.values()).await?;
    outbox::insert(&mut tx, &[told]).await?;
    commit(tx).await?;
    Ok(if before.is_some() { Put::Replaced(after) } else { Put::Created(after) })
}

/// Its last count goes with it.
pub(crate) async fn remove(
    database: &Database,
    encoders: &Encoders,
    sku: &str,
    conditions: &Preconditions,
    meta: impl Fn() -> Meta,
) -> Result<(), NotChanged> {
    let mut tx = begin(database, sku).await?;
    let before = find_in(&mut tx, sku).await?;
    if !conditions.allow_change(before.as_ref().map(|kept| &*kept.version)) {
        return Err(NotChanged::Otherwise);
    }
    if before.is_none() {
        return Err(NotChanged::NoSuchProduct);
    }
    let mut told = vec![encoders.tombstone::<ProductChanged>(sku, &meta())?];
    tx.execute("DELETE FROM catalogue_products WHERE sku = $1", &[sku.into()]).await?;
    if tx.execute("DELETE FROM catalogue_stock WHERE sku = $1", &[sku.into()]).await? > 0 {
        told.push(encoders.tombstone::<StockCounted>(sku, &meta())?);
    }
    outbox::insert(&mut tx, &told).await?;
    commit(tx).await
}

/// A transaction that changes what is kept of one product.
pub(crate) async fn begin(database: &Database, sku: &str) -> Result<Tx, StoreError> {
    let mut tx = database.begin().await?;
    outbox::hold(&mut tx, &[(ProductChanged::TOPIC, sku), (StockCounted::TOPIC, sku)]).await?;
    Ok(tx)
}

pub(crate) async fn commit(tx: Tx) -> Result<(), NotChanged> {
    tx.commit().await.map_err(|error| NotChanged::Failed(Failed::Commit(error)))
}

pub(crate) async fn find_in(tx: &mut Tx, sku: &str) -> Result<Option<Kept>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM catalogue_products WHERE sku = $1");
    tx.query_opt(&sql, &[sku.into()]).await?.as_ref().map(Kept::read).transpose()
}

pub(crate) async fn find(database: &Database, sku: &str) -> Result<Option<Kept>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM catalogue_products WHERE sku = $1");
    database.query_opt(&sql, &[sku.into()]).await?.as_ref().map(Kept::read).transpose()
}

/// Which products are asked for.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) category: Option<String>,
    pub(crate) state: Option<ProductState>,
    /// In name, sku or description.
    pub(crate) text: Option<String>,
    /// Only those behind this sku.
    pub(crate) after: String,
}

/// At most so many of them, by sku. A text is looked for in every product that the rest leaves, by
/// page: with many products and few hits that takes long, and no longer than a statement may.
pub(crate) async fn list(
    database: &Database,
    wanted: &Wanted,
    most: u32,
) -> Result<Vec<Kept>, StoreError> {
    let mut values: Vec<Value> = vec![(&wanted.after).into(), most.into()];
    let mut sql = format!("SELECT {COLUMNS} FROM catalogue_products WHERE sku > $1");
    let mut parameter = |value: Value| {
        values.push(value);
        values.len()
    };
    if let Some(category) = &wanted.category {
        sql += &format!(" AND category = ${}", parameter(category.into()));
    }
    if let Some(state) = wanted.state {
        sql += &format!(" AND state = ${}", parameter(state_text(state).into()));
    }
    if let Some(text) = &wanted.text {
        let pattern = parameter(pattern(text).into());
        let found = ["name", "sku", "description"]
            .map(|column| format!("lower({column}) LIKE lower(${pattern}) ESCAPE '!'"));
        sql += &format!(" AND ({})", found.join(" OR "));
    }
    sql += " ORDER BY sku LIMIT $2";
    database.query(&sql, &values).await?.iter().map(Kept::read).collect()
}

/// Anything with this text in it, every character as it stands.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '!' | '%' | '_') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

const UPSERT: &str = "
    INSERT INTO catalogue_products
        (sku, name, description, category, price, currency, state, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (sku) DO UPDATE SET
        name = excluded.name, description = excluded.description, category = excluded.category,
        price = excluded.price, currency = excluded.currency, state = excluded.state,
        version = excluded.version";
