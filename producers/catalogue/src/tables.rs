//! The service's tables: each product as it is now, and what was counted of it last.

use orderly_schemas::{ProductChanged, ProductState};
use orderly_stores::{Database, Migration, Row, StoreError, Value};

/// Makes them where they are missing.
pub(crate) async fn prepare(database: &Database) -> Result<(), StoreError> {
    database.migrate("catalogue", MIGRATIONS).await
}

/// A product's columns, in the order of [`kept`] and [`values`].
pub(crate) const COLUMNS: &str =
    "sku, name, description, category, price, currency, state, version";

/// A product in the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    pub(crate) product: ProductChanged,
    /// Id of the event that told of it: never used twice.
    pub(crate) version: String,
}

impl Kept {
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        let product = ProductChanged {
            sku: row.get(0)?,
            name: row.get(1)?,
            description: row.get(2)?,
            category: row.get(3)?,
            price: row.get(4)?,
            currency: row.get(5)?,
            state: state_of(&row.get::<String>(6)?),
        };
        Ok(Self { product, version: row.get(7)? })
    }

    pub(crate) fn values(&self) -> [Value; 8] {
        let ProductChanged { sku, name, description, category, price, currency, state } =
            &self.product;
        [
            sku.into(),
            name.into(),
            description.as_ref().into(),
            category.as_ref().into(),
            (*price).into(),
            currency.into(),
            state_text(*state).into(),
            (&self.version).into(),
        ]
    }
}

/// As it stands in the table, and in the API.
pub(crate) fn state_text(state: ProductState) -> &'static str {
    match state {
        ProductState::Active => "active",
        ProductState::Withdrawn | ProductState::Unknown => "withdrawn",
    }
}

pub(crate) fn state_of(text: &str) -> ProductState {
    if text == "active" { ProductState::Active } else { ProductState::Withdrawn }
}

const MIGRATIONS: &[Migration] = &[Migration {
    name: "create products and stock",
    sql: "CREATE TABLE catalogue_products (
              sku TEXT PRIMARY KEY,
              name TEXT NOT NULL,
              description TEXT,
              category TEXT,
              price {decimal} NOT NULL,
              currency TEXT NOT NULL,
              state TEXT NOT NULL,
              version TEXT NOT NULL
          );
          CREATE INDEX catalogue_products_by_category ON catalogue_products (category, sku);
          CREATE TABLE catalogue_stock (
              sku TEXT PRIMARY KEY,
              on_hand BIGINT NOT NULL,
              counted_at TIMESTAMPTZ NOT NULL
          )",
}];
