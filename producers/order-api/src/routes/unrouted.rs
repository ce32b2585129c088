//! What isn't there.

use axum::http::Method;

use crate::problem::{Kind, Problem};

pub(super) async fn no_such_route() -> Problem {
    let detail = "There is nothing at this path. /openapi.json lists what there is.";
    Problem::new(Kind::NoSuchRoute, detail)
}

pub(super) async fn method_not_allowed(method: Method) -> Problem {
    let method: String = method.as_str().chars().take(16).collect();
    let detail = format!("{method} is not taken here. /openapi.json lists what is.");
    Problem::new(Kind::MethodNotAllowed, detail)
}
