//! Orders, as they are sent to order-api and as the platform has them on its topics.

use chrono::{TimeDelta, Utc};
use orderly_schemas::{
    OrderCompleted, OrderConfirmed, OrderLine, OrderPlaced, ReadyForPickup, StageCompleted,
    StageStarted, StockCounted,
};
use orderly_sdk::codec::{Declared, Encoders};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Error, load::Loader};

/// Products that are ordered.
pub(crate) const PRODUCTS: u64 = 1_000;
/// Of each; more than are ordered.
const ON_HAND: i32 = 1_000_000;
const STAGES: [&str; 3] = ["prep", "bake", "oven"];
/// Of one order's whole life: placed, confirmed, three stages begun and ended, ready, completed.
pub(crate) const EVENTS_OF_AN_ORDER: u64 = 10;

/// Everything that is emitted here.
pub(crate) fn declared() -> Declared {
    Encoders::of("orderly-bench")
        .event::<StockCounted>()
        .event::<OrderPlaced>()
        .event::<OrderConfirmed>()
        .event::<StageStarted>()
        .event::<StageCompleted>()
        .event::<ReadyForPickup>()
        .event::<OrderCompleted>()
}

/// Enough of every product.
pub(crate) fn send_stock(loader: &Loader) -> Result<u64, Error> {
    for number in 0..PRODUCTS {
        loader.send(&StockCounted { sku: sku(number), on_hand: ON_HAND })?;
    }
    Ok(PRODUCTS)
}

/// What the `number`-th customer sends to order-api.
pub(crate) fn request(number: u64, has_contact: bool) -> Value {
    let user = number % 2_000;
    let line = |sku: &str, price: &str| json!({ "sku": sku, "name": sku, "quantity": 1 + number % 3, "unit_price": price });
    let mut order = json!({
        "user_id": format!("user-{user}"),
        "currency": "EUR",
        "lines": [line("margherita", "8.50"), line("funghi", "9.50")],
    });
    if has_contact {
        order["contact"] = json!({ "email": format!("user-{user}@example.com") });
    }
    order
}

/// The `number`-th order, of two products; its id is new.
pub(crate) fn placed(number: u64) -> OrderPlaced {
    let line = |number: u64| OrderLine {
        sku: sku(number),
        name: Some(format!("Product number {}", number % PRODUCTS)),
        category: None,
        quantity: 2,
        unit_price: Decimal::new(85_000, 4),
    };
    OrderPlaced {
        order_id: Uuid::now_v7().to_string(),
        user_id: Some(format!("user-{}", number % 2_000)),
        currency: "EUR".into(),
        lines: vec![line(number), line(number.wrapping_mul(7_919) + 1)],
        total: Decimal::new(3_400, 2),
        caller: None,
        coupons: Vec::new(),
        payment_token: None,
    }
}

/// An order from its first event to its last.
pub(crate) fn send_whole(loader: &Loader, number: u64) -> Result<(), Error> {
    let order = placed(number);
    loader.send(&order)?;
    let order_id = order.order_id;
    let caused_by = Uuid::now_v7().to_string();
    let mut sequence = 1;
    let mut next = || {
        sequence += 1;
        (order_id.clone(), sequence - 1, caused_by.clone())
    };
    let (order_id, sequence, caused_by) = next();
    loader.send(&OrderConfirmed {
        order_id,
        sequence,
        caused_by,
        ready_at: Some(Utc::now() + TimeDelta::minutes(20)),
        discounts: Vec::new(),
        to_pay: Some(order.total),
    })?;
    for stage in STAGES {
        let (order_id, sequence, caused_by) = next();
        let ends_at = Utc::now() + TimeDelta::minutes(5);
        loader.send(&StageStarted {
            order_id,
            sequence,
            caused_by,
            stage: stage.into(),
            station: None,
            ends_at,
        })?;
        let (order_id, sequence, caused_by) = next();
        loader.send(&StageCompleted { order_id, sequence, caused_by, stage: stage.into() })?;
    }
    let (order_id, sequence, caused_by) = next();
    loader.send(&ReadyForPickup { order_id, sequence, caused_by })?;
    let (order_id, sequence, caused_by) = next();
    loader.send(&OrderCompleted { order_id, sequence, caused_by })
}

fn sku(number: u64) -> String {
    format!("sku-{:04}", number % PRODUCTS)
}
