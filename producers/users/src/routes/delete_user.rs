use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode},
};
use orderly_web::{ChangeRefusals, Preconditions, Problem, trace};

use super::{Service, show_user::known};
use crate::{
    erase::erase_some,
    problem::{self, Kind},
    profiles,
};

/// Deletes a user: the profile here, and by tombstones on `users` and `contacts` whatever others
/// keep, also for orders that come in later. Answers the same when there is nothing: send it again
/// whenever the outcome isn't known.
#[utoipa::path(
    delete, path = "/users/{id}", tag = "users",
    params(
        ("id" = String, Path, description = "The user."),
        ("If-Match" = Option<String>, Header, description = "`*`, or what ETag said."),
        ("traceparent" = Option<String>, Header, description = "W3C trace context."),
    ),
    responses(
        (status = 204, description = "Nothing of theirs is here, and the topics will be told."),
        (status = 403, description = "Not an operator's key.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No user can have such an id.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        ChangeRefusals,
    )
)]
pub(super) async fn delete_user(
    State(service): State<Service>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem<Kind>> {
    let id = known(id)?;
    let conditions = Preconditions::of(&headers)?;
    let encoders = service.encoders()?;
    let meta = || trace::meta(&headers, encoders.source());
    let deleted = profiles::delete(&service.database, encoders, &id, &conditions, meta).await;
    deleted.map_err(problem::of_change)?;
    // It is kept that the rest is to go, and done whatever becomes of this.
    let _ = erase_some(&service.database, encoders).await;
    Ok(StatusCode::NO_CONTENT)
}
