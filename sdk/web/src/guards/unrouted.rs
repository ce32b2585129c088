//! What isn't there.

use crate::{Kind, Problem};
use axum::http::Method;

/// No route has this path.
pub async fn no_such_route() -> Problem {
    let detail = "There is nothing at this path. /openapi.json lists what there is.";
    Problem::new(Kind::NoSuchRoute, detail)
}

/// The route of this path doesn't take this method.
pub async fn method_not_allowed(method: Method) -> Problem {
    let method: String = method.as_str().chars().take(16).collect();
    let detail = format!("{method} is not taken here. /openapi.json lists what is.");
    Problem::new(Kind::MethodNotAllowed, detail)
}
