//! Values of a closed set, as a column's text.

use crate::order_row::RowError;

/// Each value with its word.
pub(crate) trait Words: Copy + PartialEq + 'static {
    /// All there are.
    const ALL: &'static [(Self, &'static str)];

    /// As it is kept.
    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(value, _)| *value == self).map_or("", |(_, word)| word)
    }

    /// The value that a column of that row's table holds.
    fn read(
        word: String,
        table: &'static str,
        column: &'static str,
        id: &str,
    ) -> Result<Self, RowError> {
        match Self::ALL.iter().find(|(_, known)| *known == word) {
            Some((value, _)) => Ok(*value),
            None => Err(RowError::Damaged { table, id: id.to_owned(), column, found: word }),
        }
    }
}
