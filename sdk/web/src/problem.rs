//! What a caller reads when something is wrong (RFC 9457), and, apart from it, what we log.

use std::fmt;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use orderly_sdk::away;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::events;

/// The kinds of problems that a service has. Type and status of a kind never change.
pub trait ProblemKind: Copy + fmt::Debug {
    /// The member of a problem that says what it is about: `order_id`, `sku`.
    const ABOUT: &'static str;

    /// Status, name and title. The name is the last part of the problem's type.
    fn facts(self) -> (StatusCode, &'static str, &'static str);

    /// The HTTP status.
    fn status(self) -> StatusCode {
        self.facts().0
    }
}

/// Kinds of problems that don't depend on what a service serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // their titles say it
pub enum Kind {
    MalformedJson,
    InvalidRequest,
    BodyTooLarge,
    BodyTooSlow,
    UnsupportedMediaType,
    HeadersTooLarge,
    Unauthenticated,
    TooManyRequests,
    Overloaded,
    DatabaseAway,
    NotFound,
    NoSuchRoute,
    MethodNotAllowed,
    NotAllowed,
    OutcomeUnknown,
    Starting,
    Internal,
}

impl ProblemKind for Kind {
    const ABOUT: &'static str = "about";

    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedJson => (S::BAD_REQUEST, "malformed-json", "The body is no JSON"),
            Self::InvalidRequest => {
                (S::BAD_REQUEST, "invalid-request", "The request can't be understood")
            }
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large"),
            Self::BodyTooSlow => {
                (S::REQUEST_TIMEOUT, "body-too-slow", "The body didn't come in time")
            }
            Self::UnsupportedMediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The body has to be application/json",
            ),
            Self::HeadersTooLarge => (
                S::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers-too-large",
                "The request's headers are too large",
            ),
            Self::Unauthenticated => (S::UNAUTHORIZED, "unauthenticated", "Who asks is not known"),
            Self::TooManyRequests => {
                (S::TOO_MANY_REQUESTS, "too-many-requests", "Asked more often than is allowed")
            }
            Self::Overloaded => {
                (S::SERVICE_UNAVAILABLE, "overloaded", "Too much to do at the moment")
            }
            Self::DatabaseAway => {
                (S::SERVICE_UNAVAILABLE, "database-away", "The database can't be reached")
            }
            Self::NotFound => (S::NOT_FOUND, "not-found", "There is no such thing"),
            Self::NoSuchRoute => (S::NOT_FOUND, "no-such-route", "Nothing is served here"),
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "This can't be done with what is served here",
            ),
            Self::NotAllowed => (S::FORBIDDEN, "not-allowed", "This key may not do that"),
            Self::OutcomeUnknown => {
                (S::GATEWAY_TIMEOUT, "outcome-unknown", "Whether it was changed is not known")
            }
            Self::Starting => (S::SERVICE_UNAVAILABLE, "starting", "The service isn't ready yet"),
            Self::Internal => {
                (S::INTERNAL_SERVER_ERROR, "internal", "The service failed; it is our fault")
            }
        }
    }
}

/// One problem: what the caller reads, and what only we do.
#[derive(Debug)]
pub struct Problem<K = Kind> {
    /// What kind of problem it is.
    pub kind: K,
    detail: String,
    errors: Vec<FieldProblem>,
    about: Option<String>,
    retry_after: Option<u64>,
    /// Logged, never answered. Holds no personal data.
    internal: Option<String>,
}

impl<K: ProblemKind> Problem<K> {
    /// A problem of this kind: `detail` says what is wrong this time, and what to do.
    pub fn new(kind: K, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            about: None,
            retry_after: None,
            internal: None,
        }
    }

    /// Naming the fields.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldProblem>) -> Self {
        self.errors = errors;
        self
    }

    /// Naming one field.
    #[must_use]
    pub fn at(self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.with_errors(vec![FieldProblem { field: field.into(), message: message.into() }])
    }

    /// Naming what it is about, by its id.
    #[must_use]
    pub fn about(mut self, id: impl Into<String>) -> Self {
        self.about = Some(id.into());
        self
    }

    /// Saying when to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// With what the log is to say.
    #[must_use]
    pub fn because(mut self, internal: impl Into<String>) -> Self {
        self.internal = Some(internal.into());
        self
    }
}

impl<K: ProblemKind + From<Kind>> Problem<K> {
    /// What became of a request whose database failed: away, or failed by our fault. `so` says what
    /// follows for the caller, as that nothing was changed.
    pub fn of_failure(error: &(dyn std::error::Error + 'static), so: &str) -> Self {
        match away(error) {
            Some(_) => {
                let detail = format!("{so} The database is away: try again.");
                Self::new(Kind::DatabaseAway.into(), detail).retry_after(1)
            }
            None => Self::new(Kind::Internal.into(), format!("{so} The log says why.")),
        }
        .because(error.to_string())
    }

    /// The service waits for what it needs to begin.
    pub fn starting() -> Self {
        let detail = "The service waits for its database or the schema registry: try again. Nothing \
                      was changed.";
        Self::new(Kind::Starting.into(), detail).retry_after(1)
    }
}

impl<K: ProblemKind> IntoResponse for Problem<K> {
    fn into_response(self) -> Response {
        let (status, name, title) = self.kind.facts();
        if let Some(why) = &self.internal {
            events::problem(name, status, self.about.as_deref(), why);
        }
        let body = ProblemBody {
            r#type: format!("/problems/{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail,
            about: self.about.map(|id| (K::ABOUT.to_owned(), id.into())).into_iter().collect(),
            errors: self.errors,
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// A problem by RFC 9457.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Which kind of problem: stable, relative to the service's address.
    #[schema(example = "/problems/invalid-request")]
    pub r#type: String,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong this time, and what to do.
    pub detail: String,
    /// What it is about, where that is known: its id under the name that the service has for it.
    #[serde(flatten)]
    #[schema(ignore)]
    pub about: Map<String, Value>,
    /// Each field that is wrong, 50 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// The field, as a path into the body or the name of a parameter or header.
    #[schema(example = "lines[2].quantity")]
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}
