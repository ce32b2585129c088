use std::any::Any;

use axum::response::{IntoResponse as _, Response};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{Kind, Problem};

/// Answers a panic as our failure, without its text.
pub fn catch_panics() -> CatchPanicLayer<fn(Box<dyn Any + Send>) -> Response> {
    CatchPanicLayer::custom(failed)
}

// The layer hands the box over.
#[allow(clippy::needless_pass_by_value)]
fn failed(panic: Box<dyn Any + Send>) -> Response {
    let why = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words");
    let detail = "The request could not be answered. If it came with an Idempotency-Key, try \
                  again with the same key and body.";
    Problem::new(Kind::Internal, detail).because(format!("panic: {why}")).into_response()
}
