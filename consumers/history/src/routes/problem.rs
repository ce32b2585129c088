//! What is answered instead of what was asked for.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use orderly_sdk::away;
use orderly_stores::StoreError;
use serde_json::json;

/// An RFC 9457 problem.
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    pub(super) fn bad_request(detail: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, detail: detail.to_owned() }
    }

    pub(super) fn not_found(detail: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, detail: detail.to_owned() }
    }

    pub(super) fn unavailable(detail: &str) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, detail: detail.to_owned() }
    }
}

/// The answer says whose fault it is; what the store said is for the log.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store didn't answer a request");
        match away(&error) {
            Some(_) => Self::unavailable("the store is away"),
            None => Self {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                detail: "the store refused the question; the service's log says why".to_owned(),
            },
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or_default();
        let body = json!({ "title": title, "status": self.status.as_u16(), "detail": self.detail });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, problem);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
