//! Results to stdout.

use std::io::Write as _;

use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};

/// Prints a line. Whoever closed the pipe has seen enough: that is no error.
pub(super) fn line(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// An empty table with these columns.
pub(super) fn table<const N: usize>(names: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header(names);
    table
}
