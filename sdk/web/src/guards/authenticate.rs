use axum::{
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::{
    ApiKeys, Kind, Problem, events,
    keys::{Refusal, X_API_KEY},
};

/// Lets in who is known, as often as they may ask. What stands behind it knows the
/// [`Caller`](crate::Caller) and never sees the key.
pub async fn authenticate(
    State(keys): State<ApiKeys>,
    mut request: Request,
    next: Next,
) -> Response {
    match keys.admit(request.headers()) {
        Ok(caller) => {
            let headers = request.headers_mut();
            headers.remove(header::AUTHORIZATION);
            headers.remove(X_API_KEY);
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(Refusal::Unclear(problem)) => problem.into_response(),
        Err(Refusal::Unknown { is_given }) => unknown(is_given),
        Err(Refusal::TooMany { caller, wait }) => {
            events::rate_exceeded(caller.as_str());
            let detail = format!(
                "{} has asked more often than its rate allows. Nothing was done.",
                caller.as_str()
            );
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            Problem::new(Kind::TooManyRequests, detail).retry_after(seconds.max(1)).into_response()
        }
    }
}

/// As RFC 6750 has it, a request without any key isn't told of an error.
fn unknown(is_given: bool) -> Response {
    let (detail, challenge, why) = if is_given {
        (
            "The API key is not known, or not any more.",
            "Bearer realm=\"orderly\", error=\"invalid_token\"",
            "unknown",
        )
    } else {
        let detail = "Give an API key: Authorization: Bearer ok_… or X-Api-Key: ok_…";
        (detail, "Bearer realm=\"orderly\"", "missing")
    };
    events::caller_unknown(why);
    let mut response = Problem::new(Kind::Unauthenticated, detail).into_response();
    let challenge = HeaderValue::from_static(challenge);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}
