//! What one field may hold. Each check gives the value, or what is wrong in words.

use orderly_schemas::{
    money,
    payment_token::{self, Misfit},
};
pub(crate) use orderly_web::json::checks::{ID_RULE, is_id};
pub(super) use orderly_web::json::checks::{email, id, phone};
use orderly_web::json::checks::{line, text};
use rust_decimal::Decimal;

use super::{PaymentToken, json::Json};

pub(super) const MOST_QUANTITY: i32 = 10_000;
const LONGEST_NAME: usize = 200;
const LONGEST_URL: usize = 2_000;
const LONGEST_COUPON: usize = 64;
const LONGEST_REASON: usize = 200;

pub(super) fn currency(value: &Json<'_>) -> Result<String, String> {
    let text = text(value)?;
    if money::is_currency(text) {
        Ok(text.to_owned())
    } else {
        Err("has to be three capital letters, as EUR".to_owned())
    }
}

pub(super) fn name(value: &Json<'_>) -> Result<String, String> {
    line(LONGEST_NAME)(value)
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
    money::read_unit_price(text).ok_or_else(|| RULE.to_owned())
}

/// An address that webhooks may go to, by its looks; where it leads is looked at before one goes.
pub(super) fn callback_url(value: &Json<'_>) -> Result<String, String> {
    let text = text(value)?;
    if is_plausible_url(text) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "has to be an https:// URL of at most {LONGEST_URL} characters, without user or password; \
             http:// on the service's own machine, where that is allowed"
        ))
    }
}

/// Visible ASCII only, and nothing that parsers of URLs read differently. By http only what leads to this
/// machine, for development: notifications asks there only if it is told to.
fn is_plausible_url(text: &str) -> bool {
    let (rest, is_secure) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (rest, true),
        (None, Some(rest)) => (rest, false),
        (None, None) => return false,
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    text.len() <= LONGEST_URL
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
        && !authority.is_empty()
        && !authority.contains('@')
        && (is_secure || is_here)
        && reqwest::Url::parse(text).is_ok_and(|url| url.has_host())
}

/// In capitals: which way it is written makes no other coupon.
pub(super) fn coupon(value: &Json<'_>) -> Result<String, String> {
    let text = text(value)?;
    let is_code =
        (1..=LONGEST_COUPON).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if is_code {
        Ok(text.to_ascii_uppercase())
    } else {
        Err(format!("has to be 1 to {LONGEST_COUPON} visible ASCII characters"))
    }
}

/// Neither message repeats what was given.
pub(super) fn card_token(value: &Json<'_>) -> Result<PaymentToken, String> {
    let text = text(value)?;
    match payment_token::check(text) {
        Ok(()) => Ok(PaymentToken(text.to_owned())),
        Err(Misfit::CardNumber) => {
            Err("looks like a card's number, which must never come here: send what the \
                    payment provider gave for the card"
                .to_owned())
        }
        Err(Misfit::NoToken) => {
            let longest = payment_token::LONGEST;
            Err(format!("has to be 1 to {longest} of the characters A-Z a-z 0-9 _ -"))
        }
    }
}

/// A few words of somebody's.
pub(super) fn reason(value: &Json<'_>) -> Result<String, String> {
    line(LONGEST_REASON)(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use orderly_schemas::money::UNIT_PRICE_SCALE;
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
    fn a_cards_number_is_known_however_it_is_written() {
        for card in [
            "4111111111111111",
            "4111-1111-1111-1111",
            "4111 1111 1111 1111",
            "378282246310005",
            "5555_5555_5555_4444",
            "6304000000000000",
        ] {
            let message = card_token(&Json::Text(card.into())).unwrap_err();
            assert!(message.contains("card"), "{card}: {message}");
            assert!(!message.contains(card), "{message}");
        }
        for token in ["4111111111111112", "tok-4111111111111111", "12345678901", "pm_1", "0-0"] {
            assert!(card_token(&Json::Text(token.into())).is_ok(), "{token}");
        }
    }

    #[test]
    fn a_plausible_callback_is_taken_and_others_are_not() {
        for good in ["https://a.example", "https://a.example:8443/x?y=1", "https://a.example/@me"] {
            assert!(is_plausible_url(good), "{good}");
        }
        let long = format!("https://a.example/{}", "x".repeat(2_000));
        for bad in [
            "",
            "http://a.example",
            "HTTPS://a.example",
            "https:a.example",
            "https://",
            "https:///x",
            "https://me@a.example",
            "https://me:secret@a.example",
            "https://@a.example",
            "https://a.example\\@b.example",
            "https://a.example/\nx",
            "https://a.example/ x",
            "https://é.example",
            "https://a.example:99999",
            "ftp://a.example",
            "javascript:alert(1)",
            &long,
        ] {
            assert!(!is_plausible_url(bad), "{bad}");
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
