//! Reads a body as an order. Everything that is wrong is told at once, each with its place.

use orderly_schemas::OrderLine;
use rust_decimal::Decimal;

use super::{
    Contact, Order, Prices, fields,
    found::{At, Found, MISSING},
    json::Json,
};
use crate::problem::{Kind, Problem};

const MOST_LINES: usize = 500;
const MOST_COUPONS: usize = 10;

/// Who says what a product costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PricedBy {
    /// The catalogue; a price in the body is what the customer saw.
    Catalogue,
    /// The body.
    Body,
}

/// The order that a body asks for.
pub(crate) fn read(body: &[u8], prices: &Prices) -> Result<Order, Problem> {
    read_priced_by(body, prices.priced_by())
}

fn read_priced_by(body: &[u8], priced_by: PricedBy) -> Result<Order, Problem> {
    let json = parse(body)?;
    let mut found = Found::default();
    match read_order(&json, priced_by, &mut found) {
        Some(order) if found.is_empty() => Ok(order),
        _ => Err(found.into_problem(Kind::InvalidOrder)),
    }
}

/// A body as JSON.
pub(super) fn parse(body: &[u8]) -> Result<Json<'_>, Problem> {
    Json::parse(body).map_err(|error| {
        Problem::new(Kind::MalformedJson, format!("The body can't be read as JSON: {error}."))
    })
}

fn read_order(json: &Json<'_>, priced_by: PricedBy, found: &mut Found) -> Option<Order> {
    let names = ["user_id", "currency", "lines", "contact", "coupons", "payment_token"];
    let [user_id, currency, lines, contact, coupons, payment_token] =
        found.fields(At::Body, json, names)?;
    let user_id = found.optional(At::Body, "user_id", user_id, fields::id);
    let currency = found.required(At::Body, "currency", currency, fields::currency);
    let contact = match contact {
        None | Some(Json::Null) => Some(None),
        Some(contact) => read_contact(contact, found).map(Some),
    };
    let coupons = read_coupons(coupons, found);
    let payment_token =
        found.optional(At::Body, "payment_token", payment_token, fields::card_token);
    let mut without_price = Vec::new();
    let lines = read_lines(lines, found, |number, line, found| {
        let (line, has_price) = read_line(number, line, priced_by, found)?;
        if !has_price {
            without_price.push(number);
        }
        Some(line)
    })?;
    Some(Order {
        user_id: user_id?,
        currency: currency?,
        lines,
        without_price,
        contact: contact?,
        coupons: coupons?,
        payment_token: payment_token?,
    })
}

fn read_contact(json: &Json<'_>, found: &mut Found) -> Option<Contact> {
    let at = At::Contact;
    let [email, phone, callback_url] =
        found.fields(at, json, ["email", "phone", "callback_url"])?;
    let email = found.optional(at, "email", email, fields::email);
    let phone = found.optional(at, "phone", phone, fields::phone);
    let callback_url = found.optional(at, "callback_url", callback_url, fields::callback_url);
    let contact = Contact { email: email?, phone: phone?, callback_url: callback_url? };
    if contact.email.is_none() && contact.phone.is_none() && contact.callback_url.is_none() {
        found.add("contact", "needs at least one of email, phone, callback_url");
        return None;
    }
    Some(contact)
}

/// In the order given, in capitals.
fn read_coupons(json: Option<&Json<'_>>, found: &mut Found) -> Option<Vec<String>> {
    let given = match json {
        None | Some(Json::Null) => return Some(Vec::new()),
        Some(Json::List(given)) => given,
        Some(other) => {
            found.add("coupons", format!("has to be a list, not {}", other.kind()));
            return None;
        }
    };
    if given.len() > MOST_COUPONS {
        found.add("coupons", format!("has {}; at most {MOST_COUPONS} are taken", given.len()));
        return None;
    }
    let mut coupons = Vec::with_capacity(given.len());
    for (number, coupon) in given.iter().enumerate() {
        match fields::coupon(coupon) {
            Ok(coupon) if coupons.contains(&coupon) => {
                found.add(format!("coupons[{number}]"), "is given more than once");
            }
            Ok(coupon) => coupons.push(coupon),
            Err(message) => found.add(format!("coupons[{number}]"), message),
        }
    }
    Some(coupons)
}

/// The lines that could be read; an error for each other one.
pub(super) fn read_lines<'j, 'b, T>(
    json: Option<&'j Json<'b>>,
    found: &mut Found,
    mut read: impl FnMut(usize, &'j Json<'b>, &mut Found) -> Option<T>,
) -> Option<Vec<T>> {
    let lines = match json {
        Some(Json::List(lines)) => lines,
        Some(other) => {
            found.add("lines", format!("has to be a list, not {}", other.kind()));
            return None;
        }
        None => {
            found.add("lines", MISSING);
            return None;
        }
    };
    if lines.is_empty() || lines.len() > MOST_LINES {
        found.add("lines", format!("has {}; 1 to {MOST_LINES} lines are taken", lines.len()));
        return None;
    }
    let lines = lines.iter().enumerate();
    Some(lines.filter_map(|(number, line)| read(number, line, found)).collect())
}

/// A line, and whether its price is given.
fn read_line(
    number: usize,
    json: &Json<'_>,
    priced_by: PricedBy,
    found: &mut Found,
) -> Option<(OrderLine, bool)> {
    let at = At::Line(number);
    let names = ["sku", "name", "quantity", "unit_price"];
    let [sku, name, quantity, unit_price] = found.fields(at, json, names)?;
    let sku = found.required(at, "sku", sku, fields::id);
    let name = found.optional(at, "name", name, fields::name);
    let quantity = found.required(at, "quantity", quantity, fields::quantity);
    let unit_price = match priced_by {
        PricedBy::Body => {
            found.required(at, "unit_price", unit_price, fields::unit_price).map(Some)
        }
        PricedBy::Catalogue => found.optional(at, "unit_price", unit_price, fields::unit_price),
    }?;
    let line = OrderLine {
        sku: sku?,
        name: name?,
        category: None,
        quantity: quantity?,
        unit_price: unit_price.unwrap_or(Decimal::ZERO),
    };
    Some((line, unit_price.is_some()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::{Duration, Instant};

    use proptest::{
        collection::vec,
        prelude::*,
        test_runner::{Config, TestCaseError, TestRunner},
    };

    use super::*;

    fn read(body: &[u8]) -> Result<Order, Problem> {
        read_priced_by(body, PricedBy::Catalogue)
    }

    #[test]
    fn the_same_order_written_differently_has_one_hash() {
        let one = read(
            br#"{"currency":"EUR","user_id":"ada",
                 "lines":[{"sku":"a","quantity":1,"unit_price":"2.5"}]}"#,
        );
        let other = read(
            br#"{ "lines": [{"unit_price":"2.5000","name":null,"sku":"\u0061","quantity":1}],
                  "user_id":"ada", "currency":"EUR" }"#,
        );
        assert_eq!(one.unwrap().hash(), other.unwrap().hash());
    }

    #[test]
    fn another_order_has_another_hash() {
        let body = r#"{"currency":"EUR","user_id":"ada","contact":{"email":"a@b.co"},
                       "lines":[{"sku":"a","name":"x","quantity":1,"unit_price":"2.5"}]}"#;
        let hash = |body: &str| read(body.as_bytes()).unwrap().hash();
        let changes = [
            ("EUR", "GBP"),
            ("ada", "bob"),
            ("a@b.co", "a@b.org"),
            (r#""sku":"a""#, r#""sku":"b""#),
            (r#""name":"x""#, r#""name":"y""#),
            (r#""name":"x","#, ""),
            (r#""quantity":1"#, r#""quantity":2"#),
            ("2.5", "2.51"),
        ];
        for (from, to) in changes {
            assert_ne!(hash(body), hash(&body.replacen(from, to, 1)), "{from} → {to}");
        }
    }

    #[test]
    fn what_an_order_says_beyond_its_lines_is_in_its_hash() {
        let body = r#"{"currency":"EUR","user_id":"ada","contact":{"phone":"+4915112345678"},
                       "coupons":["a","b"],"payment_token":"t1","lines":[{"sku":"a","quantity":1}]}"#;
        let hash = |body: &str| read(body.as_bytes()).unwrap().hash();
        let changes = [
            (r#""phone":"+49151"#, r#""phone":"+49152"#),
            (r#"{"phone":"+4915112345678"}"#, r#"{"callback_url":"https://a.example/"}"#),
            (r#"["a","b"]"#, r#"["b","a"]"#),
            (r#"["a","b"]"#, r#"["a"]"#),
            (r#","payment_token":"t1""#, ""),
            ("t1", "t2"),
            (r#""quantity":1"#, r#""quantity":1,"unit_price":"0""#),
        ];
        for (from, to) in changes {
            assert_ne!(hash(body), hash(&body.replacen(from, to, 1)), "{from} → {to}");
        }
        assert_eq!(hash(body), hash(&body.replacen(r#"["a","b"]"#, r#"["A","B"]"#, 1)));
    }

    #[test]
    fn the_hash_of_an_order_never_changes() {
        // It was given out in order ids: a new version that hashes differently would take the
        // retry of an order for another order.
        let body = r#"{"currency":"EUR","user_id":"ada","contact":{"email":"a@b.co"},
                       "lines":[{"sku":"a","name":"x","quantity":1,"unit_price":"2.5"}]}"#;
        assert_eq!(read(body.as_bytes()).unwrap().hash(), GOLDEN);
    }

    const GOLDEN: &str = "f744aea58c41a72f418c85459d901268773bf8d1b2c28ef0a4d08ef60d61fe67";

    /// What a valid body is cut into, to be put together wrongly.
    const TOKENS: [&str; 34] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u0000",
        "\\ud800",
        "null",
        "true",
        "-0",
        "0",
        "1",
        "1e400",
        "9223372036854775808",
        "\"currency\"",
        "\"EUR\"",
        "\"user_id\"",
        "\"lines\"",
        "\"contact\"",
        "\"email\"",
        "\"phone\"",
        "\"callback_url\"",
        "\"https://a.example\"",
        "\"coupons\"",
        "\"payment_token\"",
        "\"sku\"",
        "\"name\"",
        "\"quantity\"",
        "\"unit_price\"",
        "\"2.5\"",
        "\u{fe0f}",
    ];

    const VALID: &str = r#"{"currency":"EUR","user_id":"ada","contact":{"email":"a@b.co",
        "phone":"+4915112345678","callback_url":"https://a.example/x?y"},"coupons":["a","b"],
        "payment_token":"pm_1","lines":[{"sku":"a","name":"x","quantity":1,"unit_price":"2.5"}]}"#;

    /// `ORDERLY_FUZZ_SECONDS`, 2 without it.
    fn for_a_while(mut tried: impl FnMut(&mut TestRunner)) {
        let seconds = std::env::var("ORDERLY_FUZZ_SECONDS").ok();
        let seconds = seconds.map_or(2.0, |given| given.parse().unwrap());
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        let mut runner = TestRunner::new(Config { cases: 64, ..Config::default() });
        while Instant::now() < until {
            tried(&mut runner);
        }
    }

    /// Read as either kind of shop does; what is taken has one hash, whoever asks.
    fn is_read(body: &[u8]) -> Result<(), TestCaseError> {
        let by_catalogue = read(body);
        if let Ok(by_body) = read_priced_by(body, PricedBy::Body) {
            prop_assert_eq!(by_body.hash(), by_catalogue.unwrap().hash());
        }
        Ok(())
    }

    #[test]
    fn no_body_makes_it_panic() {
        let edits = vec(
            (any::<prop::sample::Index>(), 0..6_usize, prop::sample::select(&TOKENS[..])),
            1..6,
        );
        for_a_while(|runner| {
            runner.run(&vec(any::<u8>(), 0..300), |body| is_read(&body)).unwrap();
            let tokens = vec(prop::sample::select(&TOKENS[..]), 0..80);
            runner.run(&tokens, |tokens| is_read(tokens.concat().as_bytes())).unwrap();
            let changed = runner.run(&edits, |edits| {
                let mut body = VALID.as_bytes().to_vec();
                for (place, cut, token) in edits {
                    let from = place.index(body.len());
                    let to = (from + cut).min(body.len());
                    body.splice(from..to, token.bytes());
                }
                is_read(&body)
            });
            changed.unwrap();
        });
        assert!(is_read(VALID.as_bytes()).is_ok() && read(VALID.as_bytes()).is_ok());
    }
}
