//! What stands around every route.

mod answer_within;
mod authenticate;
mod catch_panics;
mod limit_headers;
mod limit_requests;
mod measure;
mod unrouted;

pub use answer_within::answer_within;
pub use authenticate::authenticate;
pub use catch_panics::catch_panics;
pub use limit_headers::limit_headers;
pub use limit_requests::limit_requests;
pub use measure::measure;
pub use unrouted::{method_not_allowed, no_such_route};
