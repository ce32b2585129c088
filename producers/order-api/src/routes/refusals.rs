//! Answers that several routes may give beside their own, for the API's description.

use utoipa::IntoResponses;

use crate::ProblemBody;

/// Who asks may not.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "it is read by what describes the routes")]
pub(super) enum CallerRefusals {
    #[response(status = 401, description = "No API key, or none that is known.", content_type = "application/problem+json", headers(("WWW-Authenticate" = String, description = "How to give one.")))]
    Unknown(ProblemBody),
    #[response(status = 429, description = "Asked more often than the caller may. Nothing was done.", content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds.")))]
    TooOften(ProblemBody),
}

/// Of an order, nothing was written.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "it is read by what describes the routes")]
pub(super) enum Refusals {
    #[response(
        status = 400,
        description = "No JSON, or no usable Idempotency-Key. Nothing was written.",
        content_type = "application/problem+json"
    )]
    Unreadable(ProblemBody),
    #[response(
        status = 408,
        description = "The body didn't come in time. Nothing was written.",
        content_type = "application/problem+json"
    )]
    TooSlow(ProblemBody),
    #[response(
        status = 413,
        description = "The body is too large. Nothing was written.",
        content_type = "application/problem+json"
    )]
    TooLarge(ProblemBody),
    #[response(
        status = 415,
        description = "The body is no application/json. Nothing was written.",
        content_type = "application/problem+json"
    )]
    WrongType(ProblemBody),
    #[response(
        status = 502,
        description = "The history service's answer is of no use. Nothing was written.",
        content_type = "application/problem+json"
    )]
    HistoryUnusable(ProblemBody),
    #[response(status = 503, description = "Surely not written: try again.", content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds.")))]
    NotWritten(ProblemBody),
}

/// What is read of history can't be told.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "it is read by what describes the routes")]
pub(super) enum HistoryRefusals {
    #[response(
        status = 502,
        description = "The history service's answer is of no use.",
        content_type = "application/problem+json"
    )]
    Unusable(ProblemBody),
    #[response(
        status = 503,
        description = "The history service is away, or there is too much to do.",
        content_type = "application/problem+json"
    )]
    Away(ProblemBody),
    #[response(
        status = 504,
        description = "The history service didn't answer in time.",
        content_type = "application/problem+json"
    )]
    Slow(ProblemBody),
}
