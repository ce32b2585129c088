//! An error that carries the decision: try again, never again, not this record's fault, not yet.

use std::{error::Error, fmt};

use crate::away;

/// Why a handler couldn't, and what follows from it.
///
/// Any error becomes a retry by `?`; one that has [`Unavailable`] among its sources becomes
/// unavailable. `.or_reject("why")?` never tries again.
pub struct Failure {
    decision: Decision,
    message: String,
}

/// What follows from a [`Failure`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The same record may go later: it is tried again with backoff, a bounded number of times.
    Retry,
    /// It never will: straight to the dead letters.
    Reject,
    /// A part that the handler needs is away, through no fault of the record: no attempt is
    /// counted and it is tried again with backoff until it goes. Names the part.
    Unavailable(&'static str),
    /// A fact from another topic that hasn't been read far enough. No attempt is counted and the
    /// record is tried again soon; this consumer goes on with others, since the fact may come
    /// through it.
    NotYet,
}

impl Failure {
    /// The same record may go later.
    pub fn retry(message: impl fmt::Display) -> Self {
        Self { decision: Decision::Retry, message: message.to_string() }
    }

    /// It never will.
    pub fn reject(message: impl fmt::Display) -> Self {
        Self { decision: Decision::Reject, message: message.to_string() }
    }

    /// A part (`database`, `registry`, `mail server`) is away.
    pub fn unavailable(part: &'static str, message: impl fmt::Display) -> Self {
        Self { decision: Decision::Unavailable(part), message: message.to_string() }
    }

    /// A fact from another topic hasn't been read yet.
    pub fn not_yet(message: impl fmt::Display) -> Self {
        Self { decision: Decision::NotYet, message: message.to_string() }
    }

    /// What follows from it.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.decision, self.message)
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(source) = cause {
            let said = source.to_string();
            if !message.contains(&said) {
                message = format!("{message}: {said}");
            }
            cause = source.source();
        }
        match away(&error) {
            Some(unavailable) => Self::unavailable(unavailable.part, message),
            None => Self::retry(message),
        }
    }
}

/// Put among an error's sources, says that a part is away rather than that a record is bad.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{part} is unavailable: {message}")]
pub struct Unavailable {
    /// The part: `database`, `registry`, …
    pub part: &'static str,
    /// What was seen.
    pub message: String,
}

/// Turns what is missing or wrong into a rejection.
pub trait OrReject<T> {
    /// Never tried again: straight to the dead letters, with this reason.
    fn or_reject(self, why: &str) -> Result<T, Failure>;
}

impl<T> OrReject<T> for Option<T> {
    fn or_reject(self, why: &str) -> Result<T, Failure> {
        self.ok_or_else(|| Failure::reject(why))
    }
}

impl<T, E: fmt::Display> OrReject<T> for Result<T, E> {
    fn or_reject(self, why: &str) -> Result<T, Failure> {
        self.map_err(|e| Failure::reject(format_args!("{why}: {e}")))
    }
}
