//! Answers that routes of several services give alike beside their own, for their APIs' descriptions.

use utoipa::IntoResponses;

use crate::ProblemBody;

/// A body that can't be had: what [`read_body`](crate::read_body) refuses.
#[derive(IntoResponses)]
pub enum BodyRefusals {
    /// The body didn't come in time.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(ProblemBody),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody),
    /// The body is no application/json.
    #[response(status = 415, content_type = "application/problem+json")]
    WrongType(ProblemBody),
}

/// A change that wasn't made, or may not have been: what was put or deleted can be sent again.
#[derive(IntoResponses)]
pub enum ChangeRefusals {
    /// It isn't what the caller saw. Nothing was changed.
    #[response(status = 412, content_type = "application/problem+json")]
    NotAsSeen(ProblemBody),
    /// Nothing was changed: try again.
    #[response(
        status = 503,
        content_type = "application/problem+json",
        headers(("Retry-After" = u32, description = "Seconds."))
    )]
    NotNow(ProblemBody),
    /// Unknown: send it again.
    #[response(status = 504, content_type = "application/problem+json")]
    Unknown(ProblemBody),
}
