//! OrderCollected → what it held is sold → OrderCompleted. Collected twice, it is completed once;
//! what isn't ready can't be collected.

use orderly_schemas::OrderCollected;
use orderly_sdk::{
    Meta,
    consume::{Failure, OrReject as _},
};

use crate::{order_row::State, take_orders::time_of, work::Work};

pub(crate) fn complete(
    work: &mut Work<'_>,
    collected: &OrderCollected,
    meta: &Meta,
) -> Result<(), Failure> {
    let order_id = &collected.order_id;
    // Same topic, same key: had it been placed before, it would be here.
    let order = work.orders.change(order_id).or_reject("collected, but never placed")?;
    match order.state {
        State::Completed => return Ok(()),
        State::Ready => {}
        _ => return Err(Failure::reject("collected, but not ready")),
    }
    let told = order.complete(meta.id, time_of(meta));
    work.shelf.sell(order_id);
    Ok(work.tell(meta, &told)?)
}
