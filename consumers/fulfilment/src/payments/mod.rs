//! What is paid by card: authorised before an order is confirmed, captured before its preparation
//! begins, voided or refunded where it ends otherwise.
//!
//! What is to be done at the provider lies in the tables, due at a time: any member does it, in no
//! transaction, and what came of it is one transaction with what follows for the order. A time-out
//! is unknown: it is asked again, under the same key, until it is known. So each step is done once
//! at the provider however often it is asked for, and whoever is killed in between.

mod apply;
mod payment_row;
mod refund_row;
mod settle;

pub(crate) use payment_row::{PaymentRow, Step};
pub(crate) use refund_row::RefundRow;
pub(crate) use settle::{Settling, settle_until};
