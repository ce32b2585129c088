//! OrderPlaced, ContactGiven → whose order it is; of a user who was deleted, the tombstone of its contact.
//!
//! A contact is acknowledged before its order, which may never come: so both say whose it is.

use orderly_schemas::{ContactGiven, OrderPlaced};
use orderly_sdk::{
    codec::Encoders,
    consume::{BatchContext, BatchHandler, Failure, Received},
    event_set,
};
use orderly_stores::{Positions, outbox};
use orderly_web::json::checks::is_id;

use crate::deleted;

event_set! {
    /// What says whose an order is.
    pub enum Ordered { OrderPlaced, ContactGiven }
}

/// What the group's members do with their batches.
#[derive(Clone)]
pub struct RecordOrders {
    encoders: Encoders,
}

impl RecordOrders {
    /// What it tells goes through the outbox, encoded by these.
    pub fn telling_by(encoders: Encoders) -> Self {
        Self { encoders }
    }
}

/// An order of a user. Ids that no user or contact can have aren't looked at.
fn of_user(ordered: &Ordered) -> Option<(&str, &str)> {
    let (order_id, user_id) = match ordered {
        Ordered::OrderPlaced(order) => (&order.order_id, order.user_id.as_deref()?),
        Ordered::ContactGiven(contact) => (&contact.order_id, contact.user_id.as_deref()?),
    };
    (is_id(order_id) && is_id(user_id)).then_some((order_id, user_id))
}

impl BatchHandler<Ordered, Positions> for RecordOrders {
    async fn handle(
        &self,
        cx: &mut BatchContext<'_, Positions>,
        events: &[Received<Ordered>],
    ) -> Result<(), Failure> {
        let users = events.iter().filter_map(|received| of_user(&received.event));
        let deleted = deleted::hold(cx.tx(), users.map(|(_, user_id)| user_id)).await?;
        let (mut rows, mut tombstones) = (Vec::new(), Vec::new());
        for Received { event, meta, .. } in events {
            let Some((order_id, user_id)) = of_user(event) else { continue };
            let by_deleted = deleted.get(&deleted::hash(user_id));
            if by_deleted.is_some_and(|deleted| deleted.owns(meta.time)) {
                let meta = meta.caused(self.encoders.source());
                let tombstone = self.encoders.tombstone::<ContactGiven>(order_id, &meta);
                tombstones.push(tombstone.map_err(Failure::reject)?);
            } else {
                rows.push(vec![order_id.into(), user_id.into()]);
            }
        }
        if !rows.is_empty() {
            cx.tx().execute_many(KEEP, rows).await?;
        }
        Ok(outbox::insert(cx.tx(), &tombstones).await?)
    }
}

// An order that is placed twice stays the first one's.
const KEEP: &str = "
    INSERT INTO users_orders (order_id, user_id)
    SELECT r.order_id, r.user_id FROM {rows: order_id TEXT, user_id TEXT} AS r
    {in_order}
    ON CONFLICT (order_id) DO NOTHING";
