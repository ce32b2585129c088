//! How amounts and moments are written in JSON: as text, exactly.

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serializer;

/// Rounded to two decimals, halves away from zero.
pub(crate) fn round_to_cents(amount: Decimal) -> Decimal {
    let mut rounded = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(2);
    rounded
}

/// `"12.30"`.
pub(crate) fn total<S: Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&round_to_cents(*amount))
}

/// The same, where there is one.
pub(crate) fn optional_total<S: Serializer>(
    amount: &Option<Decimal>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match amount {
        Some(amount) => total(amount, to),
        None => to.serialize_none(),
    }
}

/// `"2.55"`, `"0.125"`: all its digits, and two decimals at least.
pub(crate) fn unit_price<S: Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    let mut amount = amount.normalize();
    if amount.scale() < 2 {
        amount.rescale(2);
    }
    to.collect_str(&amount)
}

/// `"2010-12-01T08:26:00.000Z"`.
pub(crate) fn moment<S: Serializer>(at: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// The same, where there is one.
pub(crate) fn optional_moment<S: Serializer>(
    at: &Option<DateTime<Utc>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => moment(at, to),
        None => to.serialize_none(),
    }
}
