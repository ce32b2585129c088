//! What is answered instead of what was asked for.

use orderly_sdk::away;
use orderly_stores::StoreError;
use orderly_web::{Kind, Problem};

pub(super) fn bad_request(detail: &str) -> Problem {
    Problem::new(Kind::InvalidRequest, detail)
}

pub(super) fn not_found(detail: &str) -> Problem {
    Problem::new(Kind::NotFound, detail)
}

pub(super) fn unavailable(detail: &str) -> Problem {
    Problem::new(Kind::DatabaseAway, detail).retry_after(1)
}

/// The answer says whose fault it is; what the store said is for the log.
pub(super) fn of_store(error: &StoreError) -> Problem {
    let problem = match away(error) {
        Some(_) => unavailable("the store is away"),
        None => {
            let detail = "the store refused the question; the service's log says why";
            Problem::new(Kind::Internal, detail)
        }
    };
    problem.because(error.to_string())
}
