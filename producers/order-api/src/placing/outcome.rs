//! What the caller hears of an order that isn't accepted.

use crate::problem::{Kind, Problem};

/// Surely not written.
pub(super) fn not_written(order_id: &str, why: &str, is_final: bool) -> Problem {
    if is_final {
        let detail = "The order is larger than one event may be; nothing was written. \
                      Order fewer lines at once.";
        return Problem::new(Kind::OrderTooLarge, detail).about(order_id).because(why);
    }
    let detail = "The order could not be written, and surely was not. Try again in a moment.";
    Problem::new(Kind::OrderNotWritten, detail).about(order_id).retry_after(1).because(why)
}

/// Perhaps written, perhaps not.
pub(super) fn unknown(order_id: &str, has_key: bool, why: &str) -> Problem {
    let detail = if has_key {
        "The order may have been taken or not. Try again with the same Idempotency-Key and the \
         same body: it is the same order then, and never a second one."
    } else {
        "The order may have been taken or not. Ask for it by its order_id before ordering again: \
         without an Idempotency-Key another request is another order."
    };
    Problem::new(Kind::OutcomeUnknown, detail).about(order_id).retry_after(1).because(why)
}

/// What was said of an order is surely not written.
pub(super) fn not_said(order_id: &str, why: &str, is_final: bool) -> Problem {
    if is_final {
        let detail = "This is larger than one event may be; nothing was written.";
        return Problem::new(Kind::OrderTooLarge, detail).about(order_id).because(why);
    }
    let detail = "This could not be written, and surely was not. Try again in a moment.";
    Problem::new(Kind::NotWritten, detail).about(order_id).retry_after(1).because(why)
}

/// It perhaps is, perhaps not.
pub(super) fn perhaps_said(order_id: &str, why: &str) -> Problem {
    let detail = "This may have been taken or not. Look the order up before asking again; where the \
                  request is repeatable, as its description says, repeating it is harmless.";
    Problem::new(Kind::OutcomeUnknown, detail).about(order_id).retry_after(1).because(why)
}
