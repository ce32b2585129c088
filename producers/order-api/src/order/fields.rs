//! What one field may hold. Each check gives the value, or what is wrong in words.

use orderly_schemas::money::UNIT_PRICE_SCALE;
use rust_decimal::Decimal;

use super::json::Json;

pub(super) const MOST_QUANTITY: i32 = 10_000;
const LONGEST_ID: usize = 64;
const LONGEST_NAME: usize = 200;
const LONGEST_EMAIL: usize = 254;

/// What an order id, a user id and a sku look like, in words.
pub(crate) const ID_RULE: &str = "1 to 64 of the characters A-Z a-z 0-9 . _ - (and not . or ..)";

/// Whether it may be an order id, a user id or a sku. A lone `.` or `..` could never stand in a
/// path.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && text != "."
        && text != ".."
}

pub(super) fn id(value: &Json<'_>) -> Result<String, String> {
    let text = text(value)?;
    if is_id(text) { Ok(text.to_owned()) } else { Err(format!("has to be {ID_RULE}")) }
}

pub(super) fn currency(value: &Json<'_>) -> Result<String, String> {
    let text = text(value)?;
    if text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        Ok(text.to_owned())
    } else {
        Err("has to be three capital letters, as EUR".to_owned())
    }
}

pub(super) fn name(value: &Json<'_>) -> Result<String, String> {
    let text = text(value)?;
    if text.is_empty() || text.chars().nth(LONGEST_NAME).is_some() {
        return Err(format!(
            "has to be 1 to {LONGEST_NAME} characters long; leave it out if unknown"
        ));
    }
    if text.chars().any(char::is_control) {
        return Err("must not hold control characters".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn quantity(value: &Json<'_>) -> Result<i32, String> {
    let rule = || format!("has to be a whole number from 1 to {MOST_QUANTITY}");
    match value {
        Json::Integer(number) => i32::try_from(*number)
            .ok()
            .filter(|number| (1..=MOST_QUANTITY).contains(number))
            .ok_or_else(rule),
        Json::Number => Err(rule()),
        other => Err(format!("{}, not {}", rule(), other.kind())),
    }
}

pub(super) fn unit_price(value: &Json<'_>) -> Result<Decimal, String> {
    const RULE: &str = "has to be a decimal of at most 14 digits and 4 decimals, without sign or \
                        exponent, written as a string: \"2.55\"";
    let Json::Text(text) = value else {
        return Err(format!("{RULE}; this is {}", value.kind()));
    };
    if !is_plain_decimal(text) {
        return Err(RULE.to_owned());
    }
    let mut price = Decimal::from_str_exact(text).map_err(|_| RULE.to_owned())?;
    price.rescale(UNIT_PRICE_SCALE);
    Ok(price)
}

/// Digits, and perhaps some behind a point: no more than an event's unit price can have.
fn is_plain_decimal(text: &str) -> bool {
    let (whole, decimals) = match text.split_once('.') {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (text, None),
    };
    let are_digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    are_digits(whole, 14) && decimals.is_none_or(|decimals| are_digits(decimals, 4))
}

pub(super) fn email(value: &Json<'_>) -> Result<String, String> {
    let text = text(value)?;
    if is_plausible_email(text) {
        Ok(text.to_owned())
    } else {
        // Nothing of it in the message: it may be somebody's.
        Err(format!("has to be a mail address of at most {LONGEST_EMAIL} bytes"))
    }
}

/// One `@`, something before it, and a domain of at least two labels behind it. Whether mail
/// arrives there only the mail server knows.
fn is_plausible_email(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    text.len() <= LONGEST_EMAIL
        && (1..=64).contains(&local.len())
        && local.chars().all(|c| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c))
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && domain.contains('.')
        && domain.split('.').all(is_label)
}

fn text<'a>(value: &'a Json<'_>) -> Result<&'a str, String> {
    match value {
        Json::Text(text) => Ok(text),
        other => Err(format!("has to be a string, not {}", other.kind())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use orderly_schemas::money;
    use proptest::prelude::*;

    use super::*;

    fn price(text: &str) -> Result<Decimal, String> {
        unit_price(&Json::Text(text.into()))
    }

    #[test]
    fn a_price_keeps_its_value_at_four_decimals() {
        for (given, read) in
            [("2.55", "2.5500"), ("0", "0.0000"), ("007", "7.0000"), ("0.0001", "0.0001")]
        {
            assert_eq!(price(given).unwrap().to_string(), read);
        }
        assert_eq!(price("99999999999999.9999").unwrap().to_string(), "99999999999999.9999");
        assert!(price("100000000000000").is_err());
    }

    #[test]
    fn a_plausible_address_is_taken_and_others_are_not() {
        for good in ["a@b.co", "first.last+tag@mail.example.org", "é@straße.example"] {
            assert!(is_plausible_email(good), "{good}");
        }
        let long = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "",
            "a",
            "@b.co",
            "a@",
            "a@b",
            "a@b..co",
            "a@-b.co",
            "a b@c.co",
            "a@b.co\n",
            "a@b@c.co",
            ".a@b.co",
            "a..b@c.co",
            "<a@b.co>",
            "a@b.co,c@d.co",
            &long,
        ] {
            assert!(!is_plausible_email(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_price_says_it_is_exact_or_refused(text in "[-+0-9.eE_ ]{0,24}") {
            if let Ok(read) = price(&text) {
                prop_assert_eq!(read, text.parse::<Decimal>().unwrap());
                prop_assert_eq!(read.scale(), UNIT_PRICE_SCALE);
                prop_assert_eq!(money::check(&read, UNIT_PRICE_SCALE), Ok(()));
            }
        }
    }
}
