//! OrderCancellationRequested → before preparation begins, what was done for the order is undone →
//! OrderCancelled; later → OrderCancellationRefused, and the order goes on. Asked for twice, it is
//! cancelled once. An order that isn't there yet is cancelled when it comes.

use orderly_schemas::OrderCancellationRequested;
use orderly_sdk::{Meta, consume::Failure};

use crate::{
    order_row::State,
    take_orders::time_of,
    work::{Work, shown},
};

pub(crate) fn cancel(
    work: &mut Work<'_>,
    asked: &OrderCancellationRequested,
    meta: &Meta,
) -> Result<(), Failure> {
    let (order_id, at) = (&asked.order_id, time_of(meta));
    let reason = shown(asked.reason.as_deref(), "the customer cancelled it");
    let Some(order) = work.orders.change(order_id) else {
        work.cancelled_early.add(order_id, meta.id.to_string(), reason);
        return Ok(());
    };
    let told = match order.can_be_cancelled() {
        Ok(()) if order.state == State::Cancelled => return Ok(()),
        Ok(()) => {
            let told = order.cancel(&reason, meta.id, at);
            work.let_go(order_id, at);
            told
        }
        Err(why) => order.refuse_cancellation(why, meta.id, at),
    };
    Ok(work.tell(meta, &told)?)
}
