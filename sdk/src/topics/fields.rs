//! A map with known keys: unknown, repeated and empty ones are told, the others can be taken.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    error::{Problems, quoted},
    nearest::nearest,
    node::{Node, Place, Value},
};

/// What a level of the file is called, and the keys it may have.
pub(super) struct Level {
    pub(super) name: &'static str,
    pub(super) keys: &'static [&'static str],
}

/// The fields of one map of the file.
pub(super) struct Fields<'n> {
    found: BTreeMap<&'n str, Field<'n>>,
    /// Keys that a problem has already been told of, by their right name.
    told: BTreeSet<&'n str>,
}

/// A key's place and its value.
#[derive(Clone, Copy)]
pub(super) struct Field<'n> {
    pub(super) at: Place,
    pub(super) value: &'n Node,
}

impl<'n> Fields<'n> {
    /// The fields of `node`, which `whose` names in messages. None if it is no map.
    pub(super) fn of(
        node: &'n Node,
        whose: &str,
        level: &Level,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut fields = Self { found: BTreeMap::new(), told: BTreeSet::new() };
        let keys = level.keys.join("`, `");
        for (name, field) in
            entries(node, whose, &format!("a map with the keys `{keys}`"), problems)?
        {
            if !level.keys.contains(&name) {
                let meant = nearest(name, level.keys.iter().copied());
                fields.told.extend(meant);
                let mut message = format!("unknown key {}", quoted(name));
                if meant.is_none() {
                    message += &format!(": {} has `{keys}`", level.name);
                }
                problems.add_near(field.at, message, meant.map(str::to_owned));
            } else if matches!(field.value.value, Value::Empty) {
                fields.told.insert(name);
                problems.add(field.at, format!("`{name}` has no value"));
            } else {
                fields.found.insert(name, field);
            }
        }
        Some(fields)
    }

    pub(super) fn get(&self, key: &str) -> Option<Field<'n>> {
        self.found.get(key).copied()
    }

    /// Whether `key` is not to be had and a problem says so already.
    pub(super) fn was_told(&self, key: &str) -> bool {
        self.told.contains(key)
    }

    /// As [`Fields::get`], and tells where it is missing: `whose` is told at `place`, with how to write it.
    pub(super) fn require(
        &self,
        key: &str,
        (whose, place): (&str, Place),
        how: &str,
        problems: &mut Problems,
    ) -> Option<Field<'n>> {
        let field = self.get(key);
        if field.is_none() && !self.was_told(key) {
            problems.add(place, format!("{whose} has no `{key}`: {how}"));
        }
        field
    }
}

/// The entries of a map in the file's order, each key once.
pub(super) fn entries<'n>(
    node: &'n Node,
    whose: &str,
    expected: &str,
    problems: &mut Problems,
) -> Option<Vec<(&'n str, Field<'n>)>> {
    let pairs = match &node.value {
        Value::Map(pairs) => pairs,
        Value::Refused => return None,
        other => {
            let found = other.described();
            problems.add(node.place, format!("{whose} should be {expected}, and not {found}"));
            return None;
        }
    };
    let mut first: BTreeMap<&str, Place> = BTreeMap::new();
    let mut entries = Vec::new();
    for (key, value) in pairs {
        let name = match &key.value {
            Value::Text(name) => name.as_str(),
            Value::Refused => continue,
            Value::Bool(text) | Value::Number(text) => {
                let found = key.value.described();
                let message = format!("a key is {found}");
                problems.add_near(key.place, message, Some(format!("\"{text}\"")));
                continue;
            }
            other => {
                problems
                    .add(key.place, format!("a key is {}: it should be a name", other.described()));
                continue;
            }
        };
        match first.get(name) {
            Some(place) => {
                let line = place.line;
                let message =
                    format!("duplicate key {}: it stands on line {line} already", quoted(name));
                problems.add(key.place, message);
            }
            None => {
                first.insert(name, key.place);
                entries.push((name, Field { at: key.place, value }));
            }
        }
    }
    Some(entries)
}
