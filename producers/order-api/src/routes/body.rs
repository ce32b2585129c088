//! A request's body: its type, its size, its time.

use axum::{
    body::{Bytes, HttpBody as _},
    extract::{DefaultBodyLimit, FromRequest as _, Request},
    http::{HeaderMap, StatusCode, header},
};
use tokio::time::{Instant, timeout_at};

use crate::problem::{Kind, Problem};

pub(super) fn must_be_json(headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let media_type = types.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let is_plain = headers
        .get(header::CONTENT_ENCODING)
        .is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if media_type.eq_ignore_ascii_case("application/json") && types.next().is_none() && is_plain {
        return Ok(());
    }
    let detail = "Send the body as application/json, not compressed.";
    Err(Problem::new(Kind::UnsupportedMediaType, detail))
}

/// All of it, by `deadline`.
pub(super) async fn read(
    mut request: Request,
    longest: usize,
    deadline: Instant,
) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("A body may have {longest} bytes. Nothing was written.");
        Problem::new(Kind::BodyTooLarge, detail)
    };
    // One that says so isn't waited for.
    if request.body().size_hint().lower() > u64::try_from(longest).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    DefaultBodyLimit::max(longest).apply(&mut request);
    let read = timeout_at(deadline, Bytes::from_request(request, &())).await;
    let read = read.map_err(|_| {
        Problem::new(Kind::BodyTooSlow, "The rest of the body didn't come. Nothing was written.")
    })?;
    read.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => Problem::new(Kind::InvalidRequest, "The body can't be read. Nothing was written.")
            .because(error.to_string()),
    })
}

/// The same where there may be none: then it needs no type either.
pub(super) async fn read_if_any(
    request: Request,
    longest: usize,
    deadline: Instant,
) -> Result<Bytes, Problem> {
    let headers = request.headers();
    let typed = must_be_json(headers);
    let says_what = [header::CONTENT_TYPE, header::CONTENT_ENCODING];
    if says_what.iter().any(|name| headers.contains_key(name)) {
        typed?;
        return read(request, longest, deadline).await;
    }
    let body = read(request, longest, deadline).await?;
    if !body.is_empty() {
        typed?;
    }
    Ok(body)
}
