//! Results to stdout.

use std::io::Write as _;

/// Prints a line. Whoever closed the pipe has seen enough: that is no error.
pub(super) fn line(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
