//! What follows, for the payment and for its order, from what the provider said. Pure: over the rows
//! of one transaction.

use chrono::{DateTime, Utc};
use fulfilment_payment::{PaymentError, Reply};
use orderly_sdk::{EventId, codec::EncodeError};

use super::{PaymentRow, RefundRow, Step};
use crate::{NAME, order::Told, order_row::State, settings::Rules, tell, work::Work};

type Outcome = Result<Reply, PaymentError>;

/// `asked` was asked for, as it was before that, and that is the answer. Where somebody else had it
/// before, it changes nothing.
pub(super) fn payment_answered(
    work: &mut Work<'_>,
    asked: &PaymentRow,
    outcome: Outcome,
    rules: &Rules,
    now: DateTime<Utc>,
) -> Result<(), EncodeError> {
    let PaymentRow { order_id, step: asked, may_be_done, .. } = asked;
    let Some(payment) = work.payments.change(order_id).filter(|payment| payment.step == *asked)
    else {
        return Ok(());
    };
    if matches!(outcome, Err(PaymentError::Unavailable(_))) {
        // This time nothing was done.
        payment.may_be_done = *may_be_done;
    }
    match (asked, outcome) {
        (Step::Authorising, Ok(Reply { reference })) => {
            payment.reference = Some(reference);
            payment.rest(Step::Authorised);
            if payment.is_wanted {
                confirm(work, order_id, rules, now)
            } else {
                payment.go(Step::Voiding, now);
                Ok(())
            }
        }
        (Step::Authorising, Err(PaymentError::Declined { reason })) => {
            payment.rest(Step::Declined);
            payment.detail = Some(reason.clone());
            reject(work, order_id, &format!("the payment was declined: {reason}"), now)
        }
        (Step::Authorising, Err(PaymentError::Refused(why))) => {
            tracing::error!(order_id, why, "the payment provider refuses an authorisation");
            payment.rest(Step::Declined);
            payment.detail = Some(why);
            reject(work, order_id, "the payment can't be made", now)
        }
        (Step::Authorising, Err(PaymentError::Unknown(why) | PaymentError::Unavailable(why))) => {
            // Asked for until it is known: what is authorised late is voided.
            payment.again(now, &why);
            if payment.is_wanted && now >= payment.expires_at {
                reject(work, order_id, "the payment took too long", now)
            } else {
                if !payment.is_wanted {
                    payment.give_up(now);
                }
                Ok(())
            }
        }
        (Step::Capturing, Ok(_)) => {
            payment.rest(Step::Captured);
            if payment.is_wanted {
                prepare(work, order_id, now)
            } else {
                let amount = payment.amount;
                let cause = work.orders.get(order_id).map(|order| order.placed_event_id.clone());
                let cause = cause.unwrap_or_default();
                let refund = RefundRow::new(order_id, order_id, amount, &cause, now);
                work.refunds.add(order_id, refund);
                Ok(())
            }
        }
        (
            Step::Capturing,
            Err(PaymentError::Declined { reason: why } | PaymentError::Refused(why)),
        ) => {
            tracing::warn!(order_id, why, "what was authorised can't be captured");
            payment.detail = Some(why);
            let is_wanted = payment.is_wanted;
            payment.go(Step::Voiding, now);
            if is_wanted { cancel(work, order_id, now) } else { Ok(()) }
        }
        (Step::Voiding, Ok(_)) => {
            payment.rest(Step::Voided);
            Ok(())
        }
        (
            Step::Voiding,
            Err(PaymentError::Declined { reason: why } | PaymentError::Refused(why)),
        ) => {
            tracing::error!(
                order_id,
                why,
                "an authorisation can't be voided: look at the provider's"
            );
            payment.rest(Step::Stuck);
            payment.detail = Some(why);
            Ok(())
        }
        (_, Err(PaymentError::Unknown(why) | PaymentError::Unavailable(why))) => {
            payment.again(now, &why);
            if !payment.is_wanted {
                payment.give_up(now);
            }
            Ok(())
        }
        // Never asked for.
        (_, outcome) => {
            tracing::error!(order_id, ?asked, ?outcome, "an answer to nothing");
            payment.rest(*asked);
            Ok(())
        }
    }
}

/// A refund was asked for, and that is the answer.
pub(super) fn refund_answered(
    work: &mut Work<'_>,
    refund_id: &str,
    outcome: Outcome,
    now: DateTime<Utc>,
) -> Result<(), EncodeError> {
    let Some(refund) = work.refunds.change(refund_id).filter(|refund| refund.due_at.is_some())
    else {
        return Ok(());
    };
    match outcome {
        Ok(_) => {
            (refund.is_done, refund.due_at) = (true, None);
            let (order_id, amount) = (refund.order_id.clone(), refund.amount);
            let cause = refund.caused_by.clone();
            told_of(work, &order_id, |order| order.refund(amount, &cause, now))
        }
        Err(PaymentError::Unknown(why) | PaymentError::Unavailable(why)) => {
            refund.again(now, &why);
            Ok(())
        }
        Err(PaymentError::Declined { reason: why } | PaymentError::Refused(why)) => {
            tracing::error!(refund_id, why, "a refund is refused: look at the provider's");
            (refund.due_at, refund.detail) = (None, Some(why));
            Ok(())
        }
    }
}

fn confirm(
    work: &mut Work<'_>,
    order_id: &str,
    rules: &Rules,
    now: DateTime<Utc>,
) -> Result<(), EncodeError> {
    told_of(work, order_id, |order| match order.state {
        State::AwaitingPayment => order.confirm(now, rules.cancel_within),
        _ => Vec::new(),
    })?;
    if work.orders.get(order_id).is_some_and(|order| order.state == State::Capturing)
        && let Some(payment) = work.payments.change(order_id)
    {
        payment.go(Step::Capturing, now);
    }
    Ok(())
}

fn prepare(work: &mut Work<'_>, order_id: &str, now: DateTime<Utc>) -> Result<(), EncodeError> {
    told_of(work, order_id, |order| match order.state {
        State::Capturing => order.prepare(now),
        _ => Vec::new(),
    })
}

/// It isn't paid: what was done for it is undone.
fn reject(
    work: &mut Work<'_>,
    order_id: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), EncodeError> {
    if work.orders.get(order_id).is_none_or(|order| order.state != State::AwaitingPayment) {
        return Ok(());
    }
    work.let_go(order_id, now);
    told_of(work, order_id, |order| order.reject(reason, now))
}

fn cancel(work: &mut Work<'_>, order_id: &str, now: DateTime<Utc>) -> Result<(), EncodeError> {
    work.let_go(order_id, now);
    told_of(work, order_id, |order| {
        let cause = EventId::from_header(NAME, &order.placed_event_id);
        order.cancel("the payment couldn't be taken", cause, now)
    })
}

fn told_of(
    work: &mut Work<'_>,
    order_id: &str,
    change: impl FnOnce(&mut crate::order_row::OrderRow) -> Vec<Told>,
) -> Result<(), EncodeError> {
    let Some(order) = work.orders.change(order_id) else { return Ok(()) };
    let told = change(order);
    let cause = tell::placing(order);
    work.tell(&cause, &told)
}
