//! What is wrong with the topics, told as `file:line:column: what: did you mean …?`.

use std::fmt;

use super::node::Place;

/// More than this many problems are only counted.
const MOST: usize = 100;

/// Everything found wrong, in the order of the lines; at most 100 problems, the rest only counted. [`Display`] puts
/// one on each line.
///
/// [`Display`]: fmt::Display
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicsError {
    /// What was found; never empty.
    pub problems: Vec<Problem>,
    left_out: usize,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named by the caller.
    pub file: String,
    /// Its line, counted from 1; 0 where the file as a whole is meant.
    pub line: u32,
    /// The column in characters, counted from 1; 0 where the file as a whole is meant.
    pub column: u32,
    /// What is wrong, and where no name is near, what would be right.
    pub message: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

/// Collects problems while reading goes on.
pub(super) struct Problems {
    file: String,
    found: Vec<Problem>,
    left_out: usize,
}

impl TopicsError {
    pub(super) fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self::at(file, Place::WHOLE_FILE, message)
    }

    pub(super) fn at(file: &str, place: Place, message: impl Into<String>) -> Self {
        let mut problems = Problems::of(file);
        problems.add(place, message);
        Self { problems: problems.found, left_out: 0 }
    }
}

impl Problems {
    pub(super) fn of(file: &str) -> Self {
        Self { file: file.to_owned(), found: Vec::new(), left_out: 0 }
    }

    pub(super) fn add(&mut self, place: Place, message: impl Into<String>) {
        self.add_near(place, message, None);
    }

    pub(super) fn add_near(
        &mut self,
        place: Place,
        message: impl Into<String>,
        suggestion: Option<String>,
    ) {
        if self.is_full() {
            self.left_out += 1;
            return;
        }
        self.found.push(Problem {
            file: self.file.clone(),
            line: place.line,
            column: place.column,
            message: message.into(),
            suggestion,
        });
    }

    /// Whether a further problem would only be counted: no suggestion need be searched for it.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= MOST
    }

    pub(super) fn none_left(&mut self) -> Result<(), TopicsError> {
        if self.found.is_empty() {
            return Ok(());
        }
        let mut problems = std::mem::take(&mut self.found);
        problems.sort_by_key(|p| (p.line, p.column));
        Err(TopicsError { problems, left_out: self.left_out })
    }
}

impl std::error::Error for TopicsError {}

impl fmt::Display for TopicsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        if self.left_out > 0 {
            write!(f, "\nand {} more", self.left_out)?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        write!(f, " {}", self.message)?;
        match &self.suggestion {
            Some(name) => write!(f, ": did you mean `{name}`?"),
            None => Ok(()),
        }
    }
}

/// `text` as it may stand in a message: in backquotes, on one line, not longer than a line takes.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown = String::from("`");
    for (at, c) in text.chars().enumerate() {
        match c {
            _ if at == LONGEST => {
                shown.push('…');
                break;
            }
            '"' | '\'' | '\\' => shown.push(c),
            c => shown.extend(c.escape_debug()),
        }
    }
    shown.push('`');
    shown
}
