//! OrderCollected → OrderCompleted. Collected twice, it is completed once; what isn't ready can't
//! be collected.

use chrono::Utc;
use orderly_schemas::OrderCollected;
use orderly_sdk::consume::{Context, Failure, Handler, OrReject as _};
use orderly_stores::Inbox;

use crate::{
    service::Fulfilment,
    tables::{OrderRow, State},
    tell,
};

impl Handler<OrderCollected, Inbox> for Fulfilment {
    async fn handle(
        &self,
        cx: &mut Context<'_, Inbox>,
        collected: OrderCollected,
    ) -> Result<(), Failure> {
        let found = OrderRow::find(cx.tx(), &collected.order_id).await?;
        // Same topic, same key: had it been placed before, it would be here.
        let mut order = found.or_reject("collected, but never placed")?;
        match order.state {
            State::Completed => return Ok(()),
            State::Ready => {}
            State::InStage | State::Rejected => {
                return Err(Failure::reject("collected, but not ready"));
            }
        }
        let at = if cx.meta().historic { cx.meta().time } else { Utc::now() };
        let told = order.complete(cx.meta().id, at);
        order.update(cx.tx()).await?;
        tell::by_handler(cx, told)
    }
}
