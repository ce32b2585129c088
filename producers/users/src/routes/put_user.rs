use std::time::Duration;

use axum::{
    Json,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use orderly_web::{
    BodyRefusals, ChangeRefusals, Preconditions, Problem, etag,
    json::checks::{ID_RULE, is_id},
    read_body, trace,
};

use super::{Service, show_user::PRIVATE};
use crate::{
    problem::{self, Kind},
    profile::{self, ProfileRequest, ProfileView},
    profiles::{self, Put},
};

const LONGEST_BODY: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes a profile what the body says, whatever it was, and tells of it on `users`.
///
/// With `If-None-Match: *` only a new one, with `If-Match` only what the caller saw. What changes
/// nothing is told to nobody, so sending it again is harmless.
#[utoipa::path(
    put, path = "/users/{id}", tag = "users",
    request_body(content = ProfileRequest, description = "At most 16 KiB."),
    params(
        ("id" = String, Path, description = "The user."),
        ("If-Match" = Option<String>, Header, description = "`*`, or what ETag said."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if it is new."),
        ("traceparent" = Option<String>, Header, description = "W3C trace context."),
    ),
    responses(
        (status = 200, description = "It is as the body says.", body = ProfileView,
         headers(("ETag" = String, description = "Of this version."))),
        (status = 201, description = "It is new.", body = ProfileView, headers(
            ("Location" = String, description = "Where it is."),
            ("ETag" = String, description = "Of this version."))),
        (status = 403, description = "Not an operator's key.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        (status = 400, description = "No JSON, or headers that can't be understood.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The profile is invalid. Nothing was changed.",
         body = orderly_web::ProblemBody, content_type = "application/problem+json"),
        BodyRefusals,
        ChangeRefusals,
    )
)]
pub(super) async fn put_user(
    State(service): State<Service>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem<Kind>> {
    let id = valid(id)?;
    let conditions = Preconditions::of(request.headers())?;
    let headers = request.headers().clone();
    let body = read_body(request, LONGEST_BODY, PATIENCE).await?;
    let user = profile::read(&id, &body)?;
    let encoders = service.encoders()?;
    let meta = || trace::meta(&headers, encoders.source());
    let put = profiles::put(&service.database, encoders, user, &conditions, meta).await;
    let (status, kept) = match put.map_err(problem::of_change)? {
        Put::Created(kept) => (StatusCode::CREATED, kept),
        Put::Replaced(kept) | Put::Unchanged(kept) => (StatusCode::OK, kept),
    };
    let headers = [PRIVATE, (header::ETAG, etag(&kept.version))];
    let mut response = (status, headers, Json(ProfileView::from(kept))).into_response();
    if status == StatusCode::CREATED
        && let Ok(location) = format!("/users/{id}").parse()
    {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The id in a path that is to be written to.
fn valid(id: Result<Path<String>, PathRejection>) -> Result<String, Problem<Kind>> {
    match id {
        Ok(Path(id)) if is_id(&id) => Ok(id),
        _ => {
            let detail = "The path names no user that there could be. Nothing was changed.";
            let rule = format!("has to be {ID_RULE}");
            Err(Problem::new(Kind::InvalidProfile, detail).at("user_id", rule))
        }
    }
}
