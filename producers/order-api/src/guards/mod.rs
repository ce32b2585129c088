//! What stands around every route.

mod catch_panics;
mod limit_headers;
mod limit_requests;
mod measure;

pub(crate) use catch_panics::catch_panics;
pub(crate) use limit_headers::limit_headers;
pub(crate) use limit_requests::limit_requests;
pub(crate) use measure::measure;
