//! The caller's trace goes on in what their request causes.

use std::sync::Arc;

use axum::http::HeaderMap;
use orderly_sdk::Meta;

/// What travels beside an event of this request that happens now: in the caller's trace where they
/// sent one valid `traceparent`, in a new one otherwise.
pub fn meta(headers: &HeaderMap, source: &Arc<str>) -> Meta {
    let mut given = headers.get_all("traceparent").iter();
    match (given.next().and_then(|value| value.to_str().ok()), given.next()) {
        (Some(parent), None) => {
            let mut cause = Meta::new(source);
            cause.traceparent = Some(parent.into());
            cause.caused(source)
        }
        _ => Meta::new(source),
    }
}
