use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use orderly_web::{Preconditions, Problem, etag, json::checks::is_id};

use super::Service;
use crate::{
    problem::{self, Kind},
    profile::ProfileView,
    profiles,
};

/// What is somebody's is kept by nobody on the way.
pub(super) const PRIVATE: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// One user's profile.
#[utoipa::path(
    get, path = "/users/{id}", tag = "users",
    params(
        ("id" = String, Path, description = "The user."),
        ("If-None-Match" = Option<String>, Header, description = "What the caller has."),
    ),
    responses(
        (status = 200, description = "The profile.", body = ProfileView,
         headers(("ETag" = String, description = "Of this version."))),
        (status = 304, description = "The caller has it."),
        (status = 403, description = "Not an operator's key.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such user.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The database is away.", headers(
            ("Retry-After" = u32, description = "Seconds.")),
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show_user(
    State(service): State<Service>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem<Kind>> {
    let id = known(id)?;
    let conditions = Preconditions::of(&headers)?;
    let kept = profiles::find(&service.database, &id).await;
    let kept = kept.map_err(|error| problem::of_store(&error))?.ok_or_else(problem::not_found)?;
    let headers = [PRIVATE, (header::ETAG, etag(&kept.version))];
    if conditions.have(&kept.version) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, Json(ProfileView::from(kept))).into_response())
}

/// The id in a path, if there can be a user under it.
pub(super) fn known(id: Result<Path<String>, PathRejection>) -> Result<String, Problem<Kind>> {
    match id {
        Ok(Path(id)) if is_id(&id) => Ok(id),
        _ => Err(problem::not_found()),
    }
}
