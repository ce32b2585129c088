//! Requests that can't be done now.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use orderly_web::{Caller, Kind as Common, Problem, guards};

use super::Service;
use crate::problem::{self, Kind};

/// Longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Refuses what comes before the tables and schemas are there.
pub(super) async fn before_ready(
    State(service): State<Service>,
    request: Request,
    next: Next,
) -> Response {
    if service.encoders.get().is_some() {
        return next.run(request).await;
    }
    Problem::<Kind>::starting().into_response()
}

/// Refuses changes by others than operators. Without keys everybody is one.
pub(super) async fn who_may_only_read(caller: Caller, request: Request, next: Next) -> Response {
    if request.method().is_safe() || caller.is_operator() {
        return next.run(request).await;
    }
    let detail = "Products and stock are changed with an operator's key. Nothing was changed.";
    Problem::new(Common::NotAllowed, detail).into_response()
}

/// Gives up on what the database doesn't answer.
pub(super) async fn when_too_slow(request: Request, next: Next) -> Response {
    guards::answer_within(PATIENCE, problem::unknown, request, next).await
}
