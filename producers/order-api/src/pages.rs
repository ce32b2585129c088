//! The customer's page and the kitchen's: files that are part of the program.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use orderly_web::{Kind, Preconditions, etag};
use sha2::{Digest as _, Sha256};

/// A path, its media type, and what is there.
type Page = (&'static str, &'static str, &'static str);

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const ICON: &str = "image/svg+xml";

/// Every page and what it is made of. All links are to these paths.
const PAGES: &[Page] = &[
    ("/", HTML, include_str!("../pages/customer.html")),
    ("/kitchen", HTML, include_str!("../pages/kitchen.html")),
    ("/assets/base.css", CSS, include_str!("../pages/base.css")),
    ("/assets/customer.css", CSS, include_str!("../pages/customer.css")),
    ("/assets/kitchen.css", CSS, include_str!("../pages/kitchen.css")),
    ("/assets/icon.svg", ICON, include_str!("../pages/icon.svg")),
    ("/assets/customer.js", SCRIPT, include_str!("../pages/customer.js")),
    ("/assets/kitchen.js", SCRIPT, include_str!("../pages/kitchen.js")),
    ("/assets/ask.js", SCRIPT, include_str!("../pages/ask.js")),
    ("/assets/ask_key.js", SCRIPT, include_str!("../pages/ask_key.js")),
    ("/assets/basket.js", SCRIPT, include_str!("../pages/basket.js")),
    ("/assets/board.js", SCRIPT, include_str!("../pages/board.js")),
    ("/assets/build.js", SCRIPT, include_str!("../pages/build.js")),
    ("/assets/checkout.js", SCRIPT, include_str!("../pages/checkout.js")),
    ("/assets/follow.js", SCRIPT, include_str!("../pages/follow.js")),
    ("/assets/menu.js", SCRIPT, include_str!("../pages/menu.js")),
    ("/assets/my_orders.js", SCRIPT, include_str!("../pages/my_orders.js")),
    ("/assets/order.js", SCRIPT, include_str!("../pages/order.js")),
    ("/assets/place.js", SCRIPT, include_str!("../pages/place.js")),
    ("/assets/show_basket.js", SCRIPT, include_str!("../pages/show_basket.js")),
    ("/assets/steps.js", SCRIPT, include_str!("../pages/steps.js")),
    ("/assets/words.js", SCRIPT, include_str!("../pages/words.js")),
];

/// Nothing runs and nothing is loaded but what is served here, no text becomes markup or script, nothing
/// is sent elsewhere, and nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'none'; base-uri 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

/// Asked for again each time, and answered 304 as long as the program is the same: what a page is made of
/// fits together, also right after another version was started.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-cache"),
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// A route for each. Pages need no key: what they ask for does.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    PAGES.iter().fold(Router::new(), |router, &(path, kind, text)| {
        let version: Arc<str> = hex::encode(&Sha256::digest(text)[..16]).into();
        router
            .route(path, get(async move |headers: HeaderMap| show(&headers, kind, text, &version)))
    })
}

fn show(headers: &HeaderMap, kind: &'static str, text: &'static str, version: &str) -> Response {
    let tag = [(header::ETAG, etag(version))];
    // Conditions that can't be understood are as good as none: it is only read.
    let known = Preconditions::of::<Kind>(headers).is_ok_and(|conditions| conditions.have(version));
    if known {
        return (StatusCode::NOT_MODIFIED, HEADERS, tag).into_response();
    }
    (HEADERS, tag, [(header::CONTENT_TYPE, kind)], text).into_response()
}
