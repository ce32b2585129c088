//! What the demo's customers can order: the menu as catalogue, and of each pizza more than they will.

use std::{collections::BTreeMap, fmt};

use orderly_schemas::{ProductChanged, ProductState, StockCounted};
use orderly_sdk::{
    Config,
    codec::{Encoders, Registry},
    emit::{EmitSettings, Emitter},
};

use super::{DemoError, menu::MENU};

/// What was counted of each product.
pub type Counted = BTreeMap<String, i64>;

/// Pieces of each: more than the largest demo orders.
pub(super) const ON_HAND: i32 = 10_000_000;

/// Emits the menu and what else was counted, as (sku, pieces), and waits for every acknowledgement.
/// What was counted.
pub async fn open_shop(config: &Config, besides: &[(&str, i32)]) -> Result<Counted, DemoError> {
    let registry = Registry::new(config)?;
    let declared = Encoders::of("demo-shop").event::<ProductChanged>().event::<StockCounted>();
    let encoders = declared.register(config, &registry).await?;
    let emitter = Emitter::connect(config, encoders, EmitSettings::default()).await?;
    for (sku, name, description, price) in MENU {
        let product = ProductChanged {
            sku: sku.to_owned(),
            name: name.to_owned(),
            description: Some(description.to_owned()),
            category: Some("pizza".to_owned()),
            price: price.parse().map_err(|_| DemoError::Ended(format!("price {price}")))?,
            currency: "EUR".to_owned(),
            state: ProductState::Active,
        };
        emitter.emit(&product).await.map_err(|e| closed(&e))?;
    }
    let mut all = Counted::new();
    let menu = MENU.iter().map(|(sku, ..)| (*sku, ON_HAND));
    for (sku, on_hand) in menu.chain(besides.iter().copied()) {
        let counted = StockCounted { sku: sku.to_owned(), on_hand };
        emitter.emit(&counted).await.map_err(|e| closed(&e))?;
        all.insert(sku.to_owned(), on_hand.into());
    }
    Ok(all)
}

/// Why it isn't open.
pub(super) fn closed(error: &dyn fmt::Display) -> DemoError {
    DemoError::Ended(format!("the shop can't be opened: {error}"))
}
