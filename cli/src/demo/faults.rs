//! Faults placed between a run and its proof, to see that the proof finds them.

use std::{fmt, str::FromStr};

use orderly_schemas::{OrderConfirmed, StageCompleted, StageStarted};
use orderly_sdk::{
    codec::{Encoders, Registry},
    emit::{EmitError, EmitSettings, Emitter},
};
use orderly_stores::Value;

use super::{Demo, DemoError, step::Step};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An order's row vanishes from the history store.
    LoseRow,
    /// A status is told again under another event id.
    DoubleStatus,
    /// Two statuses of an order stand in the topic the wrong way round.
    SwapStatuses,
    /// A piece stays held although no order holds it.
    LeakHold,
    /// A piece is sold that nobody collected.
    PhantomSale,
}

/// As each is asked for.
const NAMES: [(Fault, &str); 5] = [
    (Fault::LoseRow, "lose-row"),
    (Fault::DoubleStatus, "double-status"),
    (Fault::SwapStatuses, "swap-statuses"),
    (Fault::LeakHold, "leak-hold"),
    (Fault::PhantomSale, "phantom-sale"),
];

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = NAMES.iter().find(|(fault, _)| fault == self);
        f.write_str(named.map_or("", |(_, name)| name))
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = NAMES.iter().find(|(_, name)| *name == text).map(|(fault, _)| *fault);
        named.ok_or_else(|| {
            "faults are lose-row, double-status, swap-statuses, leak-hold and phantom-sale".into()
        })
    }
}

impl Demo {
    /// Makes `fault` happen to the order, or the product, whose id it answers. To be called after the
    /// run.
    pub async fn suffer(&mut self, fault: Fault) -> Result<String, DemoError> {
        let (order_id, placed, next) = {
            let ledger = self.observer.ledger();
            let found = ledger.orders.iter().find_map(|(order_id, trail)| {
                let placed = trail.placed.first()?;
                let newest = trail.told.iter().map(|told| told.sequence).max()?;
                let is_confirmed = trail.told.iter().any(|told| told.step == Step::Confirmed);
                is_confirmed.then(|| (order_id.clone(), placed.to_string(), newest + 1))
            });
            found.ok_or_else(|| DemoError::Ended("no order to place a fault on".into()))?
        };
        if let Some(change) = of_stock(fault) {
            let sku = {
                let ledger = self.observer.ledger();
                let goods = ledger.orders.get(&order_id).and_then(|trail| trail.goods.as_ref());
                goods.and_then(|goods| goods.pieces.keys().next().cloned())
            };
            let sku =
                sku.ok_or_else(|| DemoError::Ended("no product to place a fault on".into()))?;
            let mut tx = self.site.databases.fulfilment.begin().await?;
            tx.execute(change, &[(&sku).into()]).await?;
            tx.commit().await?;
            return Ok(sku);
        }
        if fault == Fault::LoseRow {
            let mut tx = self.site.databases.history.begin().await?;
            let id: [Value; 1] = [order_id.as_str().into()];
            tx.execute("DELETE FROM history_orders WHERE order_id = $1", &id).await?;
            tx.commit().await?;
            return Ok(order_id);
        }
        let emitter = self.intruder().await?;
        let before = self.records();
        let (id, caused_by) = (order_id.clone(), placed);
        let told = if fault == Fault::DoubleStatus {
            let (sequence, ready_at) = (1, None);
            let again = OrderConfirmed {
                order_id: id,
                sequence,
                caused_by,
                ready_at,
                discounts: Vec::new(),
                to_pay: None,
            };
            emitter.emit(&again).await.map_err(|e| refused(&e))?;
            1
        } else {
            let stage = "again".to_owned();
            let started = StageStarted {
                station: None,
                order_id: id.clone(),
                sequence: next,
                caused_by: caused_by.clone(),
                stage: stage.clone(),
                ends_at: chrono::Utc::now(),
            };
            let completed = StageCompleted { order_id: id, sequence: next + 1, caused_by, stage };
            emitter.emit(&completed).await.map_err(|e| refused(&e))?;
            emitter.emit(&started).await.map_err(|e| refused(&e))?;
            2
        };
        self.until_kept(before + told).await?;
        Ok(order_id)
    }

    async fn intruder(&self) -> Result<Emitter, DemoError> {
        let config = &self.site.config;
        let registry = Registry::new(config)?;
        let declared = Encoders::of("fault")
            .event::<OrderConfirmed>()
            .event::<StageStarted>()
            .event::<StageCompleted>();
        let encoders = declared.register(config, &registry).await?;
        Ok(Emitter::connect(config, encoders, EmitSettings::default()).await?)
    }
}

/// What it changes of a product's stock.
fn of_stock(fault: Fault) -> Option<&'static str> {
    match fault {
        Fault::LeakHold => Some("UPDATE fulfilment_stock SET held = held + 1 WHERE sku = $1"),
        Fault::PhantomSale => Some(
            "UPDATE fulfilment_stock SET sold = sold + 1, on_hand = on_hand - 1 WHERE sku = $1",
        ),
        _ => None,
    }
}

fn refused(error: &EmitError) -> DemoError {
    DemoError::Ended(format!("the fault couldn't be placed: {error}"))
}
