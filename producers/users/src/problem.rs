//! What a caller reads when something is wrong (RFC 9457). Nothing personal is in it, nor in what is
//! logged.

use axum::http::StatusCode;
use orderly_sdk::away;
use orderly_stores::StoreError;
use orderly_web::{Kind as Common, Problem, ProblemKind};

use crate::profiles::NotChanged;

/// The kinds of problems. Type and status of a kind never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Common(Common),
    InvalidProfile,
    UserNotFound,
    PreconditionFailed,
}

impl From<Common> for Kind {
    fn from(kind: Common) -> Self {
        Self::Common(kind)
    }
}

impl ProblemKind for Kind {
    const ABOUT: &'static str = "user_id";

    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::Common(kind) => kind.facts(),
            Self::InvalidProfile => {
                (S::UNPROCESSABLE_ENTITY, "invalid-profile", "The profile can't be taken as it is")
            }
            Self::UserNotFound => (S::NOT_FOUND, "user-not-found", "No such user"),
            Self::PreconditionFailed => (
                S::PRECONDITION_FAILED,
                "precondition-failed",
                "The profile is another than the request says",
            ),
        }
    }
}

/// The database's error: whose fault it is. What the store said is for the log.
pub(crate) fn of_store(error: &StoreError) -> Problem<Kind> {
    Problem::of_failure(error, "Users can't be looked up now.")
}

/// Why a change wasn't made, or may not have been.
pub(crate) fn of_change(error: NotChanged) -> Problem<Kind> {
    const SO: &str = "Nothing was changed.";
    match error {
        NotChanged::Otherwise => {
            let detail = "The profile isn't what If-Match or If-None-Match says: read it again. \
                          Nothing was changed.";
            Problem::new(Kind::PreconditionFailed, detail)
        }
        NotChanged::Before(error) => Problem::of_failure(&error, SO),
        NotChanged::Encode(error) => Problem::of_failure(&error, SO),
        NotChanged::Commit(error) if away(&error).is_some() => unknown().because(error.to_string()),
        NotChanged::Commit(error) => Problem::of_failure(&error, SO),
    }
}

pub(crate) fn not_found() -> Problem<Kind> {
    Problem::new(Kind::UserNotFound, "There is no profile under this id.")
}

pub(crate) fn unknown() -> Problem<Kind> {
    let detail = "The database didn't say whether it took the change: send it again, or read \
                  what is there.";
    Problem::new(Common::OutcomeUnknown.into(), detail)
}
