//! Everything that is wrong with a body is told at once, each with its place.

use super::Json;
use crate::{FieldProblem, Problem, ProblemKind};

/// Fields that one problem names.
pub const MOST_ERRORS: usize = 50;
/// Characters of a name that nobody here gave.
const LONGEST_SHOWN: usize = 64;

const MISSING: &str = "is missing";

/// What was found wrong. Messages are the checks' own: nothing of a value gets into them by itself.
#[derive(Debug, Default)]
pub struct Found {
    errors: Vec<FieldProblem>,
    are_more: bool,
}

impl Found {
    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// One more that is wrong.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        if self.errors.len() == MOST_ERRORS {
            self.are_more = true;
        } else {
            self.errors.push(FieldProblem { field: field.into(), message: message.into() });
        }
    }

    /// The fields of the body by name; others and repeats are wrong.
    pub fn fields<'j, 'b, const N: usize>(
        &mut self,
        body: &'j Json<'b>,
        names: [&'static str; N],
    ) -> Option<[Option<&'j Json<'b>>; N]> {
        let Json::Object(given) = body else {
            self.add("(body)", format!("has to be an object, not {}", body.kind()));
            return None;
        };
        let mut values = [None; N];
        for (name, value) in given {
            match names.iter().position(|known| known == name) {
                None => {
                    let message = format!("is not known here; known are {}", names.join(", "));
                    self.add(shown(name), message);
                }
                Some(index) if values[index].is_some() => {
                    self.add(names[index], "is given more than once");
                }
                Some(index) => values[index] = Some(value),
            }
        }
        Some(values)
    }

    /// What a field holds, where it is given and the check takes it.
    pub fn required<T>(
        &mut self,
        name: &str,
        value: Option<&Json<'_>>,
        check: impl FnOnce(&Json<'_>) -> Result<T, String>,
    ) -> Option<T> {
        match value.map(check) {
            Some(Ok(value)) => Some(value),
            Some(Err(message)) => {
                self.add(name, message);
                None
            }
            None => {
                self.add(name, MISSING);
                None
            }
        }
    }

    /// The same; `Some(None)` where it isn't given. `null` is as good as that.
    pub fn optional<T>(
        &mut self,
        name: &str,
        value: Option<&Json<'_>>,
        check: impl FnOnce(&Json<'_>) -> Result<T, String>,
    ) -> Option<Option<T>> {
        match value {
            None | Some(Json::Null) => Some(None),
            value => self.required(name, value, check).map(Some),
        }
    }

    /// All of it as a problem of this kind.
    pub fn into_problem<K: ProblemKind>(self, kind: K) -> Problem<K> {
        let detail = match (self.are_more, self.errors.len()) {
            (true, shown) => format!("More than {shown} fields are wrong; the first are named."),
            (false, 1) => "One field is wrong. Nothing was changed.".to_owned(),
            (false, many) => format!("{many} fields are wrong. Nothing was changed."),
        };
        Problem::new(kind, detail).with_errors(self.errors)
    }
}

/// A name from outside, fit for a message.
fn shown(name: &str) -> String {
    let shown: String = name.chars().take(LONGEST_SHOWN).flat_map(char::escape_default).collect();
    if name.chars().nth(LONGEST_SHOWN).is_some() { format!("{shown}…") } else { shown }
}
