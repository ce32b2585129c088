//! OrderReturned → the money for it goes back, in proportion to what was paid of the order, never
//! more than is left of that; OrderRefunded follows when it is done. A return of an unknown sale, as
//! imports have them, and one of an order that wasn't paid by card change nothing here. What comes
//! back isn't on hand again before it was counted.

use orderly_schemas::OrderReturned;
use orderly_sdk::{
    Meta,
    consume::{Failure, OrReject as _},
};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::{
    order_row::{OrderRow, State},
    payments::RefundRow,
    take_orders::time_of,
    work::Work,
};

pub(crate) fn pay_back(
    work: &mut Work<'_>,
    returned: &OrderReturned,
    meta: &Meta,
) -> Result<(), Failure> {
    let Some(sale) = &returned.original_order_id else { return Ok(()) };
    let order = work.orders.get(sale).or_reject("returned, but never placed")?;
    match order.state {
        State::Completed => {}
        State::Rejected | State::Cancelled => {
            return Err(Failure::reject("returned, but never made: it was rejected or cancelled"));
        }
        // A return has a key of its own: the order's partition may be behind.
        _ => return Err(Failure::retry("returned, but not collected")),
    }
    if !order.is_paid_by_card || work.refunds.get(&returned.order_id).is_some() {
        return Ok(());
    }
    let refunds = work.refunds.all().filter(|refund| refund.order_id == *sale);
    let left = order.to_pay - refunds.map(|refund| refund.amount).sum::<Decimal>();
    let amount = paid_share(order, returned.total).min(left);
    if amount > Decimal::ZERO {
        let (id, at) = (&returned.order_id, time_of(meta));
        work.refunds.add(id, RefundRow::new(id, sale, amount, &meta.id.to_string(), at));
    }
    Ok(())
}

/// What was paid for goods that came to `returned` before discounts, rounded once.
fn paid_share(order: &OrderRow, returned: Decimal) -> Decimal {
    let share = returned.checked_mul(order.to_pay).and_then(|paid| paid.checked_div(order.total));
    let share = share.unwrap_or_default().max(Decimal::ZERO);
    share.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}
