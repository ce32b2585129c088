//! From a field's text to a value, or to what is wrong with it.

use chrono::{DateTime, Datelike, LocalResult, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc};
use rust_decimal::Decimal;

/// Most pieces of one line, either way.
pub const MAX_QUANTITY: i32 = 1_000_000;

/// A unit price lies below this, either way.
pub const PRICE_LIMIT: i64 = 1_000_000;

const PRICE_DECIMALS: usize = 4;
const ID_LENGTH: usize = 64;
const SHOWN: usize = 40;
const LAST_YEAR: i32 = 9999;
/// A time, as an error shows how one is written: the first of the Online Retail data.
const EXAMPLE: i64 = 1_291_191_960;

pub(crate) fn number_of_order(column: &str, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("{column} is missing"));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if text.len() > ID_LENGTH || !text.bytes().all(fits) {
        return Err(format!(
            "{column} {} must be 1 to {ID_LENGTH} characters of A-Z, a-z, 0-9, '.', '_', '-'",
            shown(text)
        ));
    }
    Ok(())
}

/// An id that is counted up in the data, as pizzaplace's order ids.
pub(crate) fn counted_id(column: &str, text: &str) -> Result<u64, String> {
    if text.is_empty() {
        return Err(format!("{column} is missing"));
    }
    digits(text)
        .then(|| text.parse().ok())
        .flatten()
        .ok_or_else(|| format!("{column} {} is not a whole number", shown(text)))
}

/// A product's or customer's code: whatever it is made of, but short.
pub(crate) fn code(column: &str, text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err(format!("{column} is missing"));
    }
    if text.len() > ID_LENGTH {
        return Err(format!("{column} {} is longer than {ID_LENGTH} bytes", shown(text)));
    }
    Ok(text.to_owned())
}

pub(crate) fn quantity(column: &str, text: &str) -> Result<i32, String> {
    digits(text.strip_prefix('-').unwrap_or(text))
        .then(|| text.parse::<i32>().ok())
        .flatten()
        .filter(|quantity| quantity.abs() <= MAX_QUANTITY)
        .ok_or_else(|| {
            format!("{column} {} is not a whole number up to {MAX_QUANTITY}", shown(text))
        })
}

pub(crate) fn price(column: &str, text: &str) -> Result<Decimal, String> {
    let not_a_price =
        || format!("{column} {} is not a decimal number below {PRICE_LIMIT}", shown(text));
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    if !digits(whole) || !digits(fraction) {
        return Err(not_a_price());
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > PRICE_DECIMALS {
        return Err(format!("{column} {} has more than {PRICE_DECIMALS} decimals", shown(text)));
    }
    let price = format!("{whole}{fraction:0<PRICE_DECIMALS$}")
        .parse()
        .ok()
        .filter(|ten_thousandths| *ten_thousandths < PRICE_LIMIT * 10_000)
        .map(|ten_thousandths| Decimal::new(ten_thousandths, 4).normalize())
        .ok_or_else(not_a_price)?;
    Ok(if unsigned == text { price } else { -price })
}

/// A time on the clocks of `zone`. The hour that happens twice in autumn is taken as the first
/// one; a time in the hour that spring leaves out is moved an hour on.
pub(crate) fn local_time(
    column: &str,
    text: &str,
    format: &str,
    zone: &impl TimeZone,
) -> Result<DateTime<Utc>, String> {
    let wrong = || {
        let example = DateTime::from_timestamp(EXAMPLE, 0).unwrap_or_default().format(format);
        format!("{column} {} is not a time since 1970, written as {example}", shown(text))
    };
    let local = NaiveDateTime::parse_from_str(text, format)
        .ok()
        .filter(|local| local.nanosecond() < 1_000_000_000 && local.year() <= LAST_YEAR)
        .ok_or_else(wrong)?;
    let happened = match zone.from_local_datetime(&local) {
        LocalResult::Single(happened) | LocalResult::Ambiguous(happened, _) => Some(happened),
        LocalResult::None => local
            .checked_add_signed(TimeDelta::hours(1))
            .and_then(|later| zone.from_local_datetime(&later).earliest()),
    };
    happened
        .map(|happened| happened.to_utc())
        .filter(|happened| happened.timestamp() >= 0)
        .ok_or_else(wrong)
}

/// A field as an error shows it: quoted, without control characters, cut where it is long.
pub(crate) fn shown(text: &str) -> String {
    shown_up_to(SHOWN, text)
}

pub(crate) fn shown_up_to(length: usize, text: &str) -> String {
    let mut quoted: String = text.chars().take(length).flat_map(char::escape_debug).collect();
    if text.chars().nth(length).is_some() {
        quoted.push('…');
    }
    format!("`{quoted}`")
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
