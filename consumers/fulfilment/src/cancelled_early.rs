//! Cancellations that came before their order did: it is cancelled as soon as it comes.

use std::collections::BTreeSet;

use orderly_stores::{Row, StoreError, Tx};

use crate::rows::Rows;

/// Those of the orders that a transaction is about, by order: the event that asked, and why.
pub(crate) struct CancelledEarly {
    asked: Rows<(String, String)>,
}

impl CancelledEarly {
    pub(crate) async fn among(tx: &mut Tx, orders: &BTreeSet<String>) -> Result<Self, StoreError> {
        let rows = orders.iter().map(|id| vec![id.into()]).collect();
        let asked = |row: &Row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)));
        let asked =
            tx.query_many(AMONG, rows).await?.iter().map(asked).collect::<Result<_, StoreError>>();
        Ok(Self { asked: asked? })
    }

    /// The event that asked to cancel the order first, and why.
    pub(crate) fn of(&self, order_id: &str) -> Option<(&str, &str)> {
        self.asked.get(order_id).map(|(event_id, reason)| (&**event_id, &**reason))
    }

    /// Somebody asks for it now.
    pub(crate) fn add(&mut self, order_id: &str, event_id: String, reason: String) {
        if self.asked.get(order_id).is_none() {
            self.asked.add(order_id, (event_id, reason));
        }
    }

    pub(crate) async fn keep(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let rows = self.asked.changed().map(|(order_id, (event_id, reason))| {
            vec![order_id.into(), event_id.into(), reason.into()]
        });
        let rows: Vec<_> = rows.collect();
        if !rows.is_empty() {
            tx.execute_many(ADD, rows).await?;
        }
        Ok(())
    }
}

const AMONG: &str = "
    SELECT order_id, event_id, reason FROM fulfilment_cancelled_early WHERE order_id = {any: TEXT}";

const ADD: &str = "
    INSERT INTO fulfilment_cancelled_early (order_id, event_id, reason)
    SELECT r.order_id, r.event_id, r.reason
    FROM {rows: order_id TEXT, event_id TEXT, reason TEXT} AS r {in_order}
    ON CONFLICT (order_id) DO NOTHING";
