//! A batch of events, of many orders, in one transaction: rows are read and locked once, changed in
//! memory by a handler per event, and kept at the end. One event that fails is cut out of its batch.

use chrono::{DateTime, Utc};
use orderly_sdk::{
    Meta,
    consume::{BatchContext, BatchHandler, Failure, Received},
};
use orderly_stores::ByTopic;

use crate::{
    asked::{Asked, customers, needs, wanted_skus},
    on_order_cancellation_requested, on_order_collected, on_order_placed, on_order_returned,
    service::Fulfilment,
    settings::StockRule,
    work::Work,
};

impl BatchHandler<Asked, ByTopic> for Fulfilment {
    async fn handle(
        &self,
        cx: &mut BatchContext<'_, ByTopic>,
        events: &[Received<Asked>],
    ) -> Result<(), Failure> {
        // Before any row is held.
        let alone = match events {
            [one] => Some(one.meta.id),
            _ => None,
        };
        self.customers.are_known(&customers(events), alone).await?;
        let needs = needs(events, &self.rules);
        let mut work = Work::of(cx.tx(), needs, &self.encoders).await?;
        if self.rules.stock == StockRule::Counted {
            let mut unknown = wanted_skus(events);
            unknown.retain(|sku| !work.shelf.knows(sku));
            if !unknown.is_empty() {
                self.counts.are_read(cx.tx(), &unknown, alone).await?;
                work.shelf.read_again(cx.tx(), &unknown).await?;
            }
        }
        for Received { event, meta, .. } in events {
            match event {
                Asked::OrderPlaced(e) => {
                    let group = self.customers.group_of(e.user_id.as_deref());
                    on_order_placed::place(&mut work, e, group.as_deref(), meta, &self.rules)
                }
                Asked::OrderCancellationRequested(e) => {
                    on_order_cancellation_requested::cancel(&mut work, e, meta)
                }
                Asked::OrderCollected(e) => on_order_collected::complete(&mut work, e, meta),
                Asked::OrderReturned(e) => on_order_returned::pay_back(&mut work, e, meta),
                Asked::StockCounted(e) => {
                    work.shelf.count(&e.sku, e.on_hand.into());
                    Ok(())
                }
            }?;
        }
        Ok(work.keep(cx.tx()).await?)
    }
}

/// When it happens: an event of the past at its own time, every other one now.
pub(crate) fn time_of(meta: &Meta) -> DateTime<Utc> {
    if meta.historic { meta.time } else { Utc::now() }
}
