//! What a caller reads when something is wrong (RFC 9457).

use axum::http::StatusCode;
use orderly_sdk::away;
use orderly_stores::StoreError;
use orderly_web::{Kind as Common, Problem, ProblemKind};

use crate::products::{Failed, NotChanged};

/// The kinds of problems. Type and status of a kind never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Common(Common),
    InvalidProduct,
    InvalidCount,
    ProductNotFound,
    StockNotCounted,
    PreconditionFailed,
}

impl From<Common> for Kind {
    fn from(kind: Common) -> Self {
        Self::Common(kind)
    }
}

impl ProblemKind for Kind {
    const ABOUT: &'static str = "sku";

    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::Common(kind) => kind.facts(),
            Self::InvalidProduct => {
                (S::UNPROCESSABLE_ENTITY, "invalid-product", "The product can't be taken as it is")
            }
            Self::InvalidCount => {
                (S::UNPROCESSABLE_ENTITY, "invalid-count", "The count can't be taken as it is")
            }
            Self::ProductNotFound => (S::NOT_FOUND, "product-not-found", "No such product"),
            Self::StockNotCounted => {
                (S::NOT_FOUND, "stock-not-counted", "Nothing was counted of this product yet")
            }
            Self::PreconditionFailed => (
                S::PRECONDITION_FAILED,
                "precondition-failed",
                "The product is another than the request says",
            ),
        }
    }
}

/// The database's error: whose fault it is. What the store said is for the log.
pub(crate) fn of_store(error: &StoreError) -> Problem<Kind> {
    Problem::of_failure(error, "Products can't be looked up now.")
}

/// Why a change wasn't made, or may not have been.
pub(crate) fn of_change(error: NotChanged, sku: &str) -> Problem<Kind> {
    let problem = match error {
        NotChanged::Otherwise => {
            let detail = "The product isn't what If-Match or If-None-Match says: read it again. \
                          Nothing was changed.";
            Problem::new(Kind::PreconditionFailed, detail)
        }
        NotChanged::NoSuchProduct => not_found(),
        NotChanged::Failed(Failed::Before(error)) => {
            Problem::of_failure(&*error, "Nothing was changed.")
        }
        NotChanged::Failed(Failed::Commit(error)) if away(&error).is_some() => {
            unknown().because(error.to_string())
        }
        NotChanged::Failed(Failed::Commit(error)) => {
            Problem::of_failure(&error, "Nothing was changed.")
        }
    };
    problem.about(sku)
}

pub(crate) fn not_found() -> Problem<Kind> {
    Problem::new(Kind::ProductNotFound, "There is no product under this sku.")
}

pub(crate) fn unknown() -> Problem<Kind> {
    let detail = "The database didn't say whether it took the change: read what is there, and send \
                  it again if it isn't that.";
    Problem::new(Common::OutcomeUnknown.into(), detail)
}
