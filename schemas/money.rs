//! What amounts an event can carry. An amount that doesn't fit fails the write; none is rounded.

use rust_decimal::Decimal;
use serde::{Serialize, Serializer, ser::Error as _};

/// Decimals of a unit price.
pub const UNIT_PRICE_SCALE: u32 = 4;

/// Decimals of a total.
pub const TOTAL_SCALE: u32 = 2;

/// Digits that any amount may have, decimals included.
pub const DIGITS: u32 = 18;

/// Whether `amount` can be written with `scale` decimals as it stands.
///
/// Trailing zeros count as decimals: what was never rounded is refused whatever its value, and
/// not only on the day when it would lose something.
pub fn check(amount: &Decimal, scale: u32) -> Result<(), Misfit> {
    let Some(missing) = scale.checked_sub(amount.scale()) else {
        return Err(Misfit::TooFine { amount: *amount, scale });
    };
    // 96 bits and a scale of at most 28: where the product overflows, it has too many digits.
    let unscaled = 10_u128
        .checked_pow(missing)
        .and_then(|power| amount.mantissa().unsigned_abs().checked_mul(power));
    match unscaled {
        Some(unscaled) if unscaled < 10_u128.pow(DIGITS) => Ok(()),
        _ => Err(Misfit::TooLarge { amount: *amount, scale }),
    }
}

/// A unit price as people write it: at most 14 digits, perhaps a point and up to 4 more, and neither
/// sign nor exponent. `None`: it is none.
pub fn read_unit_price(text: &str) -> Option<Decimal> {
    let (whole, decimals) = match text.split_once('.') {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (text, None),
    };
    let are_digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    if !are_digits(whole, 14) || !decimals.is_none_or(|decimals| are_digits(decimals, 4)) {
        return None;
    }
    let mut price = Decimal::from_str_exact(text).ok()?;
    price.rescale(UNIT_PRICE_SCALE);
    Some(price)
}

/// Whether it looks like an ISO 4217 code.
pub fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// An amount that can't be written unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It has more decimals than the field.
    #[error("amount {amount} has more than {scale} decimals: round it first")]
    TooFine {
        /// The amount.
        amount: Decimal,
        /// Decimals of the field.
        scale: u32,
    },
    /// It has more digits than the field.
    #[error("amount {amount} has more than {DIGITS} digits at {scale} decimals")]
    TooLarge {
        /// The amount.
        amount: Decimal,
        /// Decimals of the field.
        scale: u32,
    },
}

pub(crate) fn serialize_unit_price<S: Serializer>(
    amount: &Decimal,
    to: S,
) -> Result<S::Ok, S::Error> {
    check(amount, UNIT_PRICE_SCALE).map_err(S::Error::custom)?;
    Serialize::serialize(amount, to)
}

pub(crate) fn serialize_total<S: Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    check(amount, TOTAL_SCALE).map_err(S::Error::custom)?;
    Serialize::serialize(amount, to)
}

pub(crate) fn serialize_optional_total<S: Serializer>(
    amount: &Option<Decimal>,
    to: S,
) -> Result<S::Ok, S::Error> {
    if let Some(amount) = amount {
        check(amount, TOTAL_SCALE).map_err(S::Error::custom)?;
    }
    Serialize::serialize(amount, to)
}
