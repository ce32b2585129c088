//! What can be seen of any service: each fact with its log line and its metric, in one place.

use std::{path::Path, time::Duration};

use axum::http::StatusCode;

use crate::KeysError;

pub(crate) fn request_answered(
    route: &str,
    method: &'static str,
    status: StatusCode,
    took: Duration,
) {
    metrics::histogram!(
        "orderly_http_request_seconds",
        "route" => route.to_owned(), "method" => method, "status" => status.as_str().to_owned()
    )
    .record(took);
}

/// A problem whose cause the caller isn't told.
pub(crate) fn problem(name: &str, status: StatusCode, about: Option<&str>, why: &str) {
    if status.is_server_error() {
        tracing::warn!(problem = name, about, why, "a request failed");
    } else {
        tracing::info!(problem = name, about, why, "a request was refused");
    }
}

pub(crate) fn keys_read(path: &Path, keys: usize) {
    tracing::info!(file = %path.display(), keys, "API keys read");
}

/// What was known before still is.
pub(crate) fn keys_refused(error: &KeysError) {
    metrics::counter!("orderly_api_keys_refused_total").increment(1);
    tracing::error!(%error, "changed API keys can't be used; the ones from before still hold");
}

pub(crate) fn keys_open_to_others(path: &Path) {
    let file = path.display();
    tracing::warn!(%file, "other users may read or change the API keys' file: chmod 600 it");
}

/// A request without a key that is known. Its callers can't be told apart: no line for each.
pub(crate) fn caller_unknown(why: &'static str) {
    metrics::counter!("orderly_unauthenticated_total", "key" => why).increment(1);
}

pub(crate) fn rate_exceeded(caller: &str) {
    metrics::counter!("orderly_rate_exceeded_total", "caller" => caller.to_owned()).increment(1);
}
