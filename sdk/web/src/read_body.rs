//! A request's body as bytes that claim to be JSON, within bounds.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest as _, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use tokio::time::timeout;

use crate::{Kind, Problem, ProblemKind};

/// The body, of at most `most` bytes, if it comes within `patience` and is said to be JSON.
pub async fn read_body<K: ProblemKind + From<Kind>>(
    mut request: Request,
    most: usize,
    patience: Duration,
) -> Result<Bytes, Problem<K>> {
    if !is_json(request.headers()) {
        let detail = "Send the body as application/json, not compressed.";
        return Err(Problem::new(Kind::UnsupportedMediaType.into(), detail));
    }
    DefaultBodyLimit::max(most).apply(&mut request);
    let Ok(read) = timeout(patience, Bytes::from_request(request, &())).await else {
        let detail = "The rest of the body didn't come. Nothing was changed.";
        return Err(Problem::new(Kind::BodyTooSlow.into(), detail));
    };
    read.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = format!("A body may have {most} bytes. Nothing was changed.");
            Problem::new(Kind::BodyTooLarge.into(), detail)
        }
        _ => {
            let detail = "The body can't be read. Nothing was changed.";
            Problem::new(Kind::InvalidRequest.into(), detail).because(error.to_string())
        }
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let media_type = types.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let is_plain = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
    media_type.eq_ignore_ascii_case("application/json")
        && types.next().is_none()
        && headers.get_all(header::CONTENT_ENCODING).iter().all(is_plain)
}
