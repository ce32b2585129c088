//! Single values: a number in bounds, true or false, a name, a list of names.

use std::ops::RangeInclusive;

use super::{
    Retention, duration,
    error::{Problems, quoted},
    fields::Field,
    names::Kind,
    nearest::nearest,
    node::{Node, Place, Value},
};

/// A name with the place it stands at.
pub(super) type Placed = (String, Place);

/// `field` as a number within `bounds`.
pub(super) fn number(
    key: &str,
    field: Field<'_>,
    bounds: RangeInclusive<i32>,
    problems: &mut Problems,
) -> Option<i32> {
    let Node { place, value } = field.value;
    let plain_digits =
        |s: &str| s.bytes().all(|b| b.is_ascii_digit()) && (s == "0" || !s.starts_with('0'));
    match value {
        Value::Refused => None,
        Value::Number(text) if plain_digits(text.strip_prefix('-').unwrap_or(text)) => {
            let number = text.parse().ok().filter(|n| bounds.contains(n));
            if number.is_none() {
                let (least, most) = (bounds.start(), bounds.end());
                let message =
                    format!("`{key}` should be {least} to {most}, and not {}", quoted(text));
                problems.add(*place, message);
            }
            number
        }
        Value::Number(text) => {
            let without = text.replace('_', "");
            let meant = without.parse().ok().filter(|n| bounds.contains(n));
            let message = format!("`{key}` should be plain digits, and not {}", quoted(text));
            problems.add_near(*place, message, meant.map(|n| n.to_string()));
            None
        }
        Value::Text(text) if text.parse().is_ok_and(|n| bounds.contains(&n)) => {
            let message = format!("`{key}` should be a number without quotes");
            problems.add_near(*place, message, Some(text.clone()));
            None
        }
        other => {
            wrong_type(key, "a number", *place, other, problems);
            None
        }
    }
}

/// `field` as `true` or `false`, and nothing that only some YAML readers take for it.
pub(super) fn flag(key: &str, field: Field<'_>, problems: &mut Problems) -> Option<bool> {
    let Node { place, value } = field.value;
    let (text, meant) = match value {
        Value::Bool(text) => match text.to_ascii_lowercase().as_str() {
            "true" => return Some(true),
            "false" => return Some(false),
            "yes" | "on" | "y" => (text, Some("true")),
            _ => (text, Some("false")),
        },
        Value::Text(text) => (
            text,
            match text.as_str() {
                "true" => Some("true"),
                "false" => Some("false"),
                other => nearest(other, ["true", "false"]),
            },
        ),
        other => {
            wrong_type(key, "`true` or `false`", *place, other, problems);
            return None;
        }
    };
    let quotes = if meant == Some(text.as_str()) { " in quotes" } else { "" };
    let message = format!("`{key}` should be `true` or `false`, and not {}{quotes}", quoted(text));
    problems.add_near(*place, message, meant.map(str::to_owned));
    None
}

pub(super) fn retention(key: &str, field: Field<'_>, problems: &mut Problems) -> Option<Retention> {
    let Node { place, value } = field.value;
    let (Value::Text(text) | Value::Number(text)) = value else {
        wrong_type(key, "`forever` or a duration such as 90d", *place, value, problems);
        return None;
    };
    duration::read(text)
        .map_err(|(why, meant)| problems.add_near(*place, format!("`{key}`: {why}"), meant))
        .ok()
}

/// `field` as free text.
pub(super) fn text(key: &str, field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let Node { place, value } = field.value;
    match value {
        Value::Text(text) => Some(text.clone()),
        other => {
            wrong_type(key, "a text", *place, other, problems);
            None
        }
    }
}

/// `node` as one name of `kind`.
pub(super) fn name(key: &str, node: &Node, kind: &Kind, problems: &mut Problems) -> Option<Placed> {
    match &node.value {
        Value::Text(text) => {
            fits(text, node.place, kind, problems).then(|| (text.clone(), node.place))
        }
        Value::Bool(text) | Value::Number(text) if (kind.is)(text) => {
            let found = node.value.described();
            let message = format!("`{key}` should be a {}, and not {found}", kind.what);
            problems.add_near(node.place, message, Some(format!("\"{text}\"")));
            None
        }
        other => {
            let expected = format!("a {}", kind.what);
            wrong_type(key, &expected, node.place, other, problems);
            None
        }
    }
}

/// Whether `text` is a name of `kind`; tells if it isn't.
pub(super) fn fits(text: &str, place: Place, kind: &Kind, problems: &mut Problems) -> bool {
    if (kind.is)(text) {
        return true;
    }
    let meant = Some((kind.tidy)(text)).filter(|name| (kind.is)(name));
    let mut message = format!("{} is no {}", quoted(text), kind.what);
    if meant.is_none() {
        message += &format!(": {}", kind.form);
    }
    problems.add_near(place, message, meant);
    false
}

/// `field` as a list of names of `kind`, each once; where `or_one` holds, also a single name.
pub(super) fn names(
    key: &str,
    field: Field<'_>,
    kind: &Kind,
    or_one: bool,
    problems: &mut Problems,
) -> Vec<Placed> {
    let items = match &field.value.value {
        Value::List(items) => items.as_slice(),
        Value::Text(_) | Value::Bool(_) if or_one => std::slice::from_ref(field.value),
        Value::Text(text) => {
            let message = format!("`{key}` should be a list");
            let meant = (kind.is)(text).then(|| format!("[{text}]"));
            problems.add_near(field.value.place, message, meant);
            return Vec::new();
        }
        other => {
            let expected = match or_one {
                true => format!("a {} or a list of them", kind.what),
                false => format!("a list of {}s", kind.what),
            };
            wrong_type(key, &expected, field.value.place, other, problems);
            return Vec::new();
        }
    };
    let mut found: Vec<Placed> = Vec::new();
    let mut seen = std::collections::BTreeMap::new();
    for item in items {
        let Some((name, place)) = name(key, item, kind, problems) else {
            continue;
        };
        match seen.get(&name) {
            Some(line) => {
                let message = format!(
                    "{} is named twice in `{key}`: it stands on line {line} already",
                    quoted(&name)
                );
                problems.add(place, message);
            }
            None => {
                seen.insert(name.clone(), place.line);
                found.push((name, place));
            }
        }
    }
    found
}

/// Tells of a list or map without anything in it.
pub(super) fn at_least_one(key: &str, field: Option<Field<'_>>, problems: &mut Problems) {
    let empty = |value: &Value| match value {
        Value::List(items) => items.is_empty(),
        Value::Map(pairs) => pairs.is_empty(),
        _ => false,
    };
    if let Some(field) = field.filter(|field| empty(&field.value.value)) {
        problems.add(field.at, format!("`{key}` is empty: name at least one"));
    }
}

fn wrong_type(key: &str, expected: &str, place: Place, found: &Value, problems: &mut Problems) {
    let quotes = match found {
        Value::Refused => return,
        Value::Bool(_) | Value::Number(_) if expected.starts_with("a text") => ": put it in quotes",
        _ => "",
    };
    let found = found.described();
    problems.add(place, format!("`{key}` should be {expected}, and not {found}{quotes}"));
}
