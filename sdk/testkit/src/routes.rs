//! The REST calls, with Confluent's paths, answers and error codes.
//! <https://docs.confluent.io/platform/current/schema-registry/develop/api.html>

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::registry::{Refusal, Subjects, Version};

/// Longest request body.
const MOST_BODY: usize = 1024 * 1024;

pub(crate) fn app(subjects: Arc<Subjects>) -> Router {
    Router::new()
        .route("/subjects", get(list_subjects))
        .route("/subjects/{subject}", post(look_up))
        .route("/subjects/{subject}/versions", get(list_versions).post(register))
        .route("/subjects/{subject}/versions/{version}", get(show_version))
        .route("/schemas/ids/{id}", get(show_schema))
        .route("/compatibility/subjects/{subject}/versions", post(check))
        .route("/compatibility/subjects/{subject}/versions/latest", post(check))
        .route("/config", get(show_config))
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .with_state(subjects)
}

/// A schema as clients send it. They don't all send a JSON content type, so the body is parsed
/// whatever it is called.
#[derive(Deserialize)]
struct Sent {
    schema: String,
}

enum ApiError {
    NoSubject(String),
    NoVersion(String),
    NoSchema(String),
    Refused(Refusal),
}

async fn list_subjects(State(subjects): State<Arc<Subjects>>) -> Json<Vec<String>> {
    Json(subjects.names())
}

async fn list_versions(
    State(subjects): State<Arc<Subjects>>,
    Path(subject): Path<String>,
) -> Result<Json<Vec<u32>>, ApiError> {
    let versions = subjects.versions(&subject);
    if versions.is_empty() {
        return Err(ApiError::NoSubject(subject));
    }
    Ok(Json(versions.into_iter().map(|v| v.version).collect()))
}

async fn show_version(
    State(subjects): State<Arc<Subjects>>,
    Path((subject, version)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let mut versions = subjects.versions(&subject);
    if versions.is_empty() {
        return Err(ApiError::NoSubject(subject));
    }
    let found = match version.as_str() {
        "latest" | "-1" => versions.pop(),
        number => versions.into_iter().find(|v| v.version.to_string() == number),
    };
    found.map(|v| Json(show(&v))).ok_or(ApiError::NoVersion(version))
}

async fn register(
    State(subjects): State<Arc<Subjects>>,
    Path(subject): Path<String>,
    body: String,
) -> Result<Json<Value>, ApiError> {
    let id = subjects.register(&subject, &parse(&body)?.schema)?;
    Ok(Json(json!({ "id": id })))
}

async fn look_up(
    State(subjects): State<Arc<Subjects>>,
    Path(subject): Path<String>,
    body: String,
) -> Result<Json<Value>, ApiError> {
    let sent = parse(&body)?;
    match subjects.look_up(&subject, &sent.schema)? {
        Some(version) => Ok(Json(show(&version))),
        None if subjects.versions(&subject).is_empty() => Err(ApiError::NoSubject(subject)),
        None => Err(ApiError::NoSchema(format!("under subject {subject}"))),
    }
}

async fn show_schema(
    State(subjects): State<Arc<Subjects>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let found = id.parse().ok().and_then(|id| subjects.by_id(id));
    let text = found.ok_or_else(|| ApiError::NoSchema(format!("with id {id}")))?;
    Ok(Json(json!({ "schema": text })))
}

async fn check(
    State(subjects): State<Arc<Subjects>>,
    // The route with a version has it in its path, not as a parameter.
    Path(subject): Path<String>,
    body: String,
) -> Result<Json<Value>, ApiError> {
    match subjects.check(&subject, &parse(&body)?.schema) {
        Ok(()) => Ok(Json(json!({ "is_compatible": true }))),
        Err(Refusal::Incompatible(why)) => {
            Ok(Json(json!({ "is_compatible": false, "messages": [why] })))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

async fn show_config() -> Json<Value> {
    Json(json!({ "compatibilityLevel": "FULL" }))
}

fn parse(body: &str) -> Result<Sent, Refusal> {
    serde_json::from_str(body).map_err(|e| Refusal::Invalid(e.to_string()))
}

fn show(version: &Version) -> Value {
    let Version { subject, version, id, text } = version;
    json!({ "subject": subject, "version": version, "id": id, "schema": text })
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::NoSubject(name) => {
                (StatusCode::NOT_FOUND, 40401, format!("Subject '{name}' not found."))
            }
            Self::NoVersion(version) => {
                (StatusCode::NOT_FOUND, 40402, format!("Version {version} not found."))
            }
            Self::NoSchema(what) => {
                (StatusCode::NOT_FOUND, 40403, format!("Schema {what} not found"))
            }
            Self::Refused(Refusal::Invalid(why)) => {
                (StatusCode::UNPROCESSABLE_ENTITY, 42201, format!("Invalid schema: {why}"))
            }
            Self::Refused(Refusal::Incompatible(why)) => {
                (StatusCode::CONFLICT, 409, format!("Incompatible with the newest version: {why}"))
            }
        };
        (status, Json(json!({ "error_code": code, "message": message }))).into_response()
    }
}
