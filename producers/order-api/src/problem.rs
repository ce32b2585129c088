//! What a caller reads when something is wrong (RFC 9457), and, apart from it, what we log.

use axum::http::StatusCode;
use orderly_web::ProblemKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use orderly_web::FieldProblem;

/// The kinds of problems. Type and status of a kind never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    MalformedJson,
    InvalidOrder,
    InvalidBody,
    InvalidRequest,
    BodyTooLarge,
    BodyTooSlow,
    OrderTooLarge,
    UnsupportedMediaType,
    InvalidIdempotencyKey,
    IdempotencyKeyReused,
    OrderInFlight,
    OrderNotWritten,
    NotWritten,
    OutcomeUnknown,
    PricesUnknown,
    NoMenu,
    NothingLive,
    Overloaded,
    DatabaseAway,
    NotAllowed,
    OrderNotFound,
    OrderNotCompleted,
    HistoryAway,
    HistorySlow,
    HistoryUnusable,
    NotificationsNotTold,
    NotificationsAway,
    NotificationsUnusable,
}

impl Kind {
    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedJson => (S::BAD_REQUEST, "malformed-json", "The body is no JSON"),
            Self::InvalidOrder => {
                (S::UNPROCESSABLE_ENTITY, "invalid-order", "The order can't be taken as it is")
            }
            Self::InvalidBody => {
                (S::UNPROCESSABLE_ENTITY, "invalid-body", "The request can't be taken as it is")
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
            Self::NotWritten => {
                (S::SERVICE_UNAVAILABLE, "not-written", "The request was not taken")
            }
            Self::PricesUnknown => {
                (S::SERVICE_UNAVAILABLE, "prices-unknown", "Prices aren't known yet")
            }
            Self::OutcomeUnknown => {
                (S::GATEWAY_TIMEOUT, "outcome-unknown", "Whether it was taken is not known yet")
            }
            Self::NothingLive => (S::NOT_FOUND, "nothing-live", "Nothing is told live here"),
            Self::NoMenu => (S::NOT_FOUND, "no-menu", "There is no menu here"),
            Self::NotAllowed => orderly_web::Kind::NotAllowed.facts(),
            Self::Overloaded => orderly_web::Kind::Overloaded.facts(),
            Self::DatabaseAway => {
                (S::SERVICE_UNAVAILABLE, "database-away", "Idempotency-Keys can't be kept now")
            }
            Self::OrderNotFound => (S::NOT_FOUND, "order-not-found", "No such order"),
            Self::OrderNotCompleted => {
                (S::CONFLICT, "order-not-completed", "Only what was completed can come back")
            }
            Self::HistoryAway => {
                (S::SERVICE_UNAVAILABLE, "history-away", "The order history can't be reached")
            }
            Self::HistorySlow => {
                (S::GATEWAY_TIMEOUT, "history-slow", "The order history didn't answer in time")
            }
            Self::HistoryUnusable => {
                (S::BAD_GATEWAY, "history-unusable", "The order history's answer is of no use")
            }
            Self::NotificationsNotTold => (
                S::NOT_IMPLEMENTED,
                "notifications-not-told",
                "Nobody told where the notification service is",
            ),
            Self::NotificationsAway => (
                S::SERVICE_UNAVAILABLE,
                "notifications-away",
                "The notification service can't be reached",
            ),
            Self::NotificationsUnusable => (
                S::BAD_GATEWAY,
                "notifications-unusable",
                "The notification service's answer is of no use",
            ),
        }
    }
}

impl ProblemKind for Kind {
    const ABOUT: &'static str = "order_id";

    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        self.facts()
    }
}

/// One problem: what the caller reads, and what only we do.
pub(crate) type Problem = orderly_web::Problem<Kind>;

/// A problem by RFC 9457, as callers read it.
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
