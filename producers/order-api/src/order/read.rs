//! Reads a body as an order. Everything that is wrong is told at once, each with its place.

use std::fmt;

use orderly_schemas::OrderLine;

use super::{Contact, Order, fields, json::Json, total::total};
use crate::problem::{FieldProblem, Kind, Problem};

const MOST_LINES: usize = 500;
/// Fields that one problem names.
const MOST_ERRORS: usize = 50;
/// Characters of a name that nobody here gave.
const LONGEST_SHOWN: usize = 64;

/// The order that a body asks for.
pub(crate) fn read(body: &[u8]) -> Result<Order, Problem> {
    let json = Json::parse(body).map_err(|error| {
        Problem::new(Kind::MalformedJson, format!("The body can't be read as JSON: {error}."))
    })?;
    let mut found = Found::default();
    match read_order(&json, &mut found) {
        Some(order) if found.errors.is_empty() => Ok(order),
        _ => Err(found.into_problem()),
    }
}

fn read_order(json: &Json<'_>, found: &mut Found) -> Option<Order> {
    let names = ["user_id", "currency", "lines", "contact"];
    let [user_id, currency, lines, contact] = found.fields(At::Body, json, names)?;
    let user_id = found.optional(At::Body, "user_id", user_id, fields::id);
    let currency = found.required(At::Body, "currency", currency, fields::currency);
    let contact = match contact {
        None | Some(Json::Null) => Some(None),
        Some(contact) => read_contact(contact, found).map(Some),
    };
    let lines = read_lines(lines, found)?;
    if !found.errors.is_empty() {
        return None;
    }
    let Some(total) = total(&lines) else {
        found.add("lines", "come to more than an order can: 16 digits before the point");
        return None;
    };
    Some(Order { user_id: user_id?, currency: currency?, lines, total, contact: contact? })
}

fn read_contact(json: &Json<'_>, found: &mut Found) -> Option<Contact> {
    let [email] = found.fields(At::Contact, json, ["email"])?;
    let email = found.required(At::Contact, "email", email, fields::email)?;
    Some(Contact { email })
}

/// The lines that could be read; an error for each other one.
fn read_lines(json: Option<&Json<'_>>, found: &mut Found) -> Option<Vec<OrderLine>> {
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
    Some(lines.filter_map(|(number, line)| read_line(number, line, found)).collect())
}

fn read_line(number: usize, json: &Json<'_>, found: &mut Found) -> Option<OrderLine> {
    let at = At::Line(number);
    let names = ["sku", "name", "quantity", "unit_price"];
    let [sku, name, quantity, unit_price] = found.fields(at, json, names)?;
    let sku = found.required(at, "sku", sku, fields::id);
    let name = found.optional(at, "name", name, fields::name);
    let quantity = found.required(at, "quantity", quantity, fields::quantity);
    let unit_price = found.required(at, "unit_price", unit_price, fields::unit_price);
    Some(OrderLine { sku: sku?, name: name?, quantity: quantity?, unit_price: unit_price? })
}

const MISSING: &str = "is missing";

/// The object that a field is in.
#[derive(Clone, Copy)]
enum At {
    Body,
    Contact,
    Line(usize),
}

impl At {
    fn field(self, name: &str) -> String {
        match self {
            Self::Body => name.to_owned(),
            _ => format!("{self}.{name}"),
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("(body)"),
            Self::Contact => f.write_str("contact"),
            Self::Line(number) => write!(f, "lines[{number}]"),
        }
    }
}

/// What was found wrong.
#[derive(Default)]
struct Found {
    errors: Vec<FieldProblem>,
    are_more: bool,
}

impl Found {
    fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        if self.errors.len() == MOST_ERRORS {
            self.are_more = true;
        } else {
            self.errors.push(FieldProblem { field: field.into(), message: message.into() });
        }
    }

    /// The fields of an object by name; others and repeats are wrong.
    fn fields<'j, 'b, const N: usize>(
        &mut self,
        at: At,
        json: &'j Json<'b>,
        names: [&'static str; N],
    ) -> Option<[Option<&'j Json<'b>>; N]> {
        let Json::Object(given) = json else {
            self.add(at.to_string(), format!("has to be an object, not {}", json.kind()));
            return None;
        };
        let mut values = [None; N];
        for (name, value) in given {
            match names.iter().position(|known| known == name) {
                None => {
                    let message = format!("is not known here; known are {}", names.join(", "));
                    self.add(at.field(&shown(name)), message);
                }
                Some(index) if values[index].is_some() => {
                    self.add(at.field(names[index]), "is given more than once");
                }
                Some(index) => values[index] = Some(value),
            }
        }
        Some(values)
    }

    fn required<T>(
        &mut self,
        at: At,
        name: &str,
        value: Option<&Json<'_>>,
        check: fn(&Json<'_>) -> Result<T, String>,
    ) -> Option<T> {
        match value.map(check) {
            Some(Ok(value)) => Some(value),
            Some(Err(message)) => {
                self.add(at.field(name), message);
                None
            }
            None => {
                self.add(at.field(name), MISSING);
                None
            }
        }
    }

    /// `Some(None)` where it isn't given; `null` is as good as that.
    fn optional<T>(
        &mut self,
        at: At,
        name: &str,
        value: Option<&Json<'_>>,
        check: fn(&Json<'_>) -> Result<T, String>,
    ) -> Option<Option<T>> {
        match value {
            None | Some(Json::Null) => Some(None),
            value => self.required(at, name, value, check).map(Some),
        }
    }

    fn into_problem(self) -> Problem {
        let detail = match (self.are_more, self.errors.len()) {
            (true, shown) => format!("More than {shown} fields are wrong; the first are named."),
            (false, 1) => "One field is wrong. Nothing was ordered.".to_owned(),
            (false, many) => format!("{many} fields are wrong. Nothing was ordered."),
        };
        Problem::new(Kind::InvalidOrder, detail).with_errors(self.errors)
    }
}

/// A name from outside, fit for a message.
fn shown(name: &str) -> String {
    let shown: String = name.chars().take(LONGEST_SHOWN).flat_map(char::escape_default).collect();
    if name.chars().nth(LONGEST_SHOWN).is_some() { format!("{shown}…") } else { shown }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

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
    fn the_hash_of_an_order_never_changes() {
        // It was given out in order ids: a new version that hashes differently would take the
        // retry of an order for another order.
        let body = r#"{"currency":"EUR","user_id":"ada","contact":{"email":"a@b.co"},
                       "lines":[{"sku":"a","name":"x","quantity":1,"unit_price":"2.5"}]}"#;
        assert_eq!(read(body.as_bytes()).unwrap().hash(), GOLDEN);
    }

    const GOLDEN: &str = "f744aea58c41a72f418c85459d901268773bf8d1b2c28ef0a4d08ef60d61fe67";

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&body);
        }

        #[test]
        fn no_json_makes_it_panic(body in "[\\[\\]{}\",:a-z0-9.]{0,200}") {
            let _ = read(body.as_bytes());
        }
    }
}
