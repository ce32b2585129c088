//! Rows that a transaction is about, and which of them it changed.

use std::collections::{BTreeMap, BTreeSet};

/// Rows by id.
pub(crate) struct Rows<T> {
    rows: BTreeMap<String, T>,
    changed: BTreeSet<String>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), changed: BTreeSet::new() }
    }
}

/// As they were read: none changed.
impl<T> FromIterator<(String, T)> for Rows<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(rows: I) -> Self {
        Self { rows: rows.into_iter().collect(), changed: BTreeSet::new() }
    }
}

/// Read besides: none of these changed.
impl<T> Extend<(String, T)> for Rows<T> {
    fn extend<I: IntoIterator<Item = (String, T)>>(&mut self, rows: I) {
        self.rows.extend(rows);
    }
}

impl<T> Rows<T> {
    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.rows.get(id)
    }

    /// To be changed, and kept.
    pub(crate) fn change(&mut self, id: &str) -> Option<&mut T> {
        let row = self.rows.get_mut(id)?;
        self.changed.insert(id.to_owned());
        Some(row)
    }

    /// New, or in the place of what was there; to be kept.
    pub(crate) fn add(&mut self, id: &str, row: T) {
        self.rows.insert(id.to_owned(), row);
        self.changed.insert(id.to_owned());
    }

    /// It is no longer there, and nothing of it is kept.
    pub(crate) fn remove(&mut self, id: &str) -> Option<T> {
        self.rows.remove(id)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.rows.values()
    }

    /// Those to be kept, by id.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (&str, &T)> {
        self.changed.iter().filter_map(|id| Some((&**id, self.rows.get(id)?)))
    }
}
