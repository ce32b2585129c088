//! What is wrong with a body, each with its place.

use std::fmt;

use super::json::Json;
use crate::problem::{FieldProblem, Kind, Problem};

/// Fields that one problem names.
const MOST_ERRORS: usize = 50;
/// Characters of a name that nobody here gave.
const LONGEST_SHOWN: usize = 64;

pub(super) const MISSING: &str = "is missing";

/// The object that a field is in.
#[derive(Clone, Copy)]
pub(super) enum At {
    Body,
    Contact,
    Line(usize),
}

impl At {
    pub(super) fn field(self, name: &str) -> String {
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
pub(super) struct Found {
    errors: Vec<FieldProblem>,
    are_more: bool,
}

impl Found {
    pub(super) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    pub(super) fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        if self.errors.len() == MOST_ERRORS {
            self.are_more = true;
        } else {
            self.errors.push(FieldProblem { field: field.into(), message: message.into() });
        }
    }

    /// The fields of an object by name; others and repeats are wrong.
    pub(super) fn fields<'j, 'b, const N: usize>(
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

    pub(super) fn required<T>(
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
    pub(super) fn optional<T>(
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

    pub(super) fn into_problem(self, kind: Kind) -> Problem {
        let detail = match (self.are_more, self.errors.len()) {
            (true, shown) => format!("More than {shown} fields are wrong; the first are named."),
            (false, 1) => "One field is wrong. Nothing was written.".to_owned(),
            (false, many) => format!("{many} fields are wrong. Nothing was written."),
        };
        Problem::new(kind, detail).with_errors(self.errors)
    }
}

/// A name from outside, fit for a message.
fn shown(name: &str) -> String {
    let shown: String = name.chars().take(LONGEST_SHOWN).flat_map(char::escape_default).collect();
    if name.chars().nth(LONGEST_SHOWN).is_some() { format!("{shown}…") } else { shown }
}
