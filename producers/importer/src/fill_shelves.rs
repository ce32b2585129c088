//! What a file's orders need: each product that was sold, and as many pieces of it as were, so that
//! they can be held. Returns put nothing back: what came back was sold before.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use orderly_schemas::{ProductChanged, ProductState, StockCounted};
use orderly_sdk::{
    EventId, Meta,
    emit::{EmitError, Emitter, Pending},
};
use rust_decimal::Decimal;

use crate::{Document, Format, Import, ImportError};

/// Products that one import may fill in; one more fails it.
pub const MAX_PRODUCTS: usize = 1_000_000;
/// Events sent and not yet answered.
const MOST_IN_FLIGHT: usize = 1_000;

/// A product of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sold {
    /// The product.
    pub sku: String,
    /// Its name on its newest sale that has one.
    pub name: Option<String>,
    /// Its price on its newest sale.
    pub unit_price: Decimal,
    /// Of the price.
    pub currency: &'static str,
    /// Pieces sold.
    pub quantity: i32,
    newest: DateTime<Utc>,
}

/// Reads a file to its end: its products, by sku. Blocks.
pub fn read_sold(import: Import) -> Result<Vec<Sold>, FillError> {
    let mut sold: BTreeMap<String, Sold> = BTreeMap::new();
    for document in import {
        let Document::Sale(sale) = document? else { continue };
        for line in sale.lines {
            let product = sold.entry(line.sku.clone()).or_insert_with(|| Sold {
                sku: line.sku.clone(),
                name: None,
                unit_price: line.unit_price,
                currency: sale.currency,
                quantity: 0,
                newest: sale.happened_at,
            });
            let quantity = product.quantity.checked_add(line.quantity);
            product.quantity = quantity.ok_or(FillError::TooManyPieces(line.sku))?;
            if sale.happened_at >= product.newest {
                product.newest = sale.happened_at;
                product.unit_price = line.unit_price;
                product.name = line.name.or(product.name.take());
            }
        }
        if sold.len() > MAX_PRODUCTS {
            return Err(FillError::TooManyProducts);
        }
    }
    Ok(sold.into_values().collect())
}

/// Emits a ProductChanged and a StockCounted of each, and waits for every acknowledgement. The same
/// file again gives the same events.
pub async fn fill_shelves(
    sold: &[Sold],
    format: Format,
    emitter: &Emitter,
) -> Result<(), FillError> {
    let mut in_flight: VecDeque<Pending> = VecDeque::new();
    for product in sold {
        let changed = ProductChanged {
            sku: product.sku.clone(),
            name: product.name.clone().unwrap_or_else(|| product.sku.clone()),
            description: None,
            category: None,
            price: product.unit_price,
            currency: product.currency.to_owned(),
            state: ProductState::Active,
        };
        let counted = StockCounted { sku: product.sku.clone(), on_hand: product.quantity };
        let meta = |what: &str, said: &str| {
            let mut meta = Meta::new(emitter.encoders().source());
            meta.id = EventId::derived(&["import", format.as_str(), what, &product.sku, said]);
            meta
        };
        let price = product.unit_price.to_string();
        in_flight.push_back(emitter.send(&changed, &meta("product", &price)).await?);
        let pieces = product.quantity.to_string();
        in_flight.push_back(emitter.send(&counted, &meta("stock", &pieces)).await?);
        while in_flight.len() > MOST_IN_FLIGHT
            && let Some(oldest) = in_flight.pop_front()
        {
            oldest.await?;
        }
    }
    for pending in in_flight {
        pending.await?;
    }
    Ok(())
}

/// Why shelves can't be filled.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// The file.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Kafka didn't acknowledge it; the same file can be imported again.
    #[error("a product's stock")]
    Emit(#[from] EmitError),
    /// More pieces than a count can say.
    #[error("more than 2147483647 pieces of `{0}` were sold")]
    TooManyPieces(String),
    /// More products than fit.
    #[error("the file has more than {MAX_PRODUCTS} products")]
    TooManyProducts,
}
