use std::time::Duration;

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::{Kind, Problem, ProblemKind};

/// Gives up on what the database doesn't answer in time: a read is to be tried again, and of a change it
/// is `unknown` whether it was made.
pub async fn answer_within<K: ProblemKind + From<Kind>>(
    longest: Duration,
    unknown: impl FnOnce() -> Problem<K>,
    request: Request,
    next: Next,
) -> Response {
    let is_read = request.method().is_safe();
    match tokio::time::timeout(longest, next.run(request)).await {
        Ok(response) => response,
        Err(_) if is_read => {
            let detail = "The database doesn't answer: try again.";
            Problem::new(Kind::DatabaseAway, detail).retry_after(1).into_response()
        }
        Err(_) => unknown().into_response(),
    }
}
