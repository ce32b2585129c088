//! Who asks.

use std::sync::Arc;

use axum::http::HeaderMap;

/// Who an Idempotency-Key belongs to. Without API keys everybody is `anonymous`: one namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller(Arc<str>);

impl Caller {
    pub(crate) fn of(_headers: &HeaderMap) -> Self {
        Self("anonymous".into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
