//! What a caller reads when something is wrong (RFC 9457), and, apart from it, what we log.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::events;

/// The kinds of problems. Type and status of a kind never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    MalformedJson,
    InvalidOrder,
    InvalidRequest,
    BodyTooLarge,
    BodyTooSlow,
    OrderTooLarge,
    UnsupportedMediaType,
    HeadersTooLarge,
    InvalidIdempotencyKey,
    IdempotencyKeyReused,
    OrderInFlight,
    OrderNotWritten,
    OutcomeUnknown,
    Overloaded,
    DatabaseAway,
    OrderNotFound,
    HistoryAway,
    HistorySlow,
    HistoryUnusable,
    NoSuchRoute,
    MethodNotAllowed,
    Internal,
}

impl Kind {
    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedJson => (S::BAD_REQUEST, "malformed-json", "The body is no JSON"),
            Self::InvalidOrder => {
                (S::UNPROCESSABLE_ENTITY, "invalid-order", "The order can't be taken as it is")
            }
            Self::InvalidRequest => {
                (S::BAD_REQUEST, "invalid-request", "The request can't be understood")
            }
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large"),
            Self::BodyTooSlow => {
                (S::REQUEST_TIMEOUT, "body-too-slow", "The body didn't come in time")
            }
            Self::OrderTooLarge => {
                (S::PAYLOAD_TOO_LARGE, "order-too-large", "The order is too large to be written")
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
            Self::InvalidIdempotencyKey => {
                (S::BAD_REQUEST, "invalid-idempotency-key", "The Idempotency-Key can't be used")
            }
            Self::IdempotencyKeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The Idempotency-Key stands for another order",
            ),
            Self::OrderInFlight => {
                (S::CONFLICT, "order-in-flight", "The same order is being worked on")
            }
            Self::OrderNotWritten => {
                (S::SERVICE_UNAVAILABLE, "order-not-written", "The order was not taken")
            }
            Self::OutcomeUnknown => (
                S::GATEWAY_TIMEOUT,
                "outcome-unknown",
                "Whether the order was taken is not known yet",
            ),
            Self::Overloaded => {
                (S::SERVICE_UNAVAILABLE, "overloaded", "Too much to do at the moment")
            }
            Self::DatabaseAway => {
                (S::SERVICE_UNAVAILABLE, "database-away", "Idempotency-Keys can't be kept now")
            }
            Self::OrderNotFound => (S::NOT_FOUND, "order-not-found", "No such order"),
            Self::HistoryAway => {
                (S::SERVICE_UNAVAILABLE, "history-away", "The order history can't be reached")
            }
            Self::HistorySlow => {
                (S::GATEWAY_TIMEOUT, "history-slow", "The order history didn't answer in time")
            }
            Self::HistoryUnusable => {
                (S::BAD_GATEWAY, "history-unusable", "The order history's answer is of no use")
            }
            Self::NoSuchRoute => (S::NOT_FOUND, "no-such-route", "Nothing is served here"),
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "This can't be done with what is served here",
            ),
            Self::Internal => {
                (S::INTERNAL_SERVER_ERROR, "internal", "The service failed; it is our fault")
            }
        }
    }

    pub(crate) fn status(self) -> StatusCode {
        self.facts().0
    }
}

/// One problem: what the caller reads, and what only we do.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    detail: String,
    errors: Vec<FieldProblem>,
    order_id: Option<String>,
    retry_after: Option<u64>,
    /// Logged, never answered. Holds no personal data.
    internal: Option<String>,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            order_id: None,
            retry_after: None,
            internal: None,
        }
    }

    /// Naming the fields.
    #[must_use]
    pub(crate) fn with_errors(mut self, errors: Vec<FieldProblem>) -> Self {
        self.errors = errors;
        self
    }

    /// Naming one field.
    #[must_use]
    pub(crate) fn at(self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.with_errors(vec![FieldProblem { field: field.into(), message: message.into() }])
    }

    /// Naming the order it is about.
    #[must_use]
    pub(crate) fn about(mut self, order_id: impl Into<String>) -> Self {
        self.order_id = Some(order_id.into());
        self
    }

    /// Saying when to try again, in seconds.
    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// With what the log is to say.
    #[must_use]
    pub(crate) fn because(mut self, internal: impl Into<String>) -> Self {
        self.internal = Some(internal.into());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, name, title) = self.kind.facts();
        if let Some(why) = &self.internal {
            events::problem(name, status, self.order_id.as_deref(), why);
        }
        let body = ProblemBody {
            r#type: format!("/problems/{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail,
            order_id: self.order_id,
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
    #[schema(example = "/problems/invalid-order")]
    pub r#type: String,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong this time, and what to do.
    pub detail: String,
    /// The order it is about, where its id is fixed already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
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
