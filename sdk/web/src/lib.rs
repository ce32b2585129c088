//! What every HTTP service of ours needs, whatever it serves.
//!
//! - [`serve_until`]: a router on a bounded listener, until shutdown and gracefully to an end.
//! - [`Problem`]: what a caller reads when something is wrong (RFC 9457); [`BodyRefusals`] and
//!   [`ChangeRefusals`] describe those that many routes have.
//! - [`ApiKeys`]: who asks, by keys that a file knows the hashes of; [`Caller`] is what a route gets.
//! - [`read_body`] and [`json`]: a body within bounds, and all that is wrong with it at once.
//! - [`Preconditions`]: changes only of what the caller saw, by [`etag`].
//! - [`trace`]: what a request causes goes on in its trace.
//! - [`guards`]: what stands around every route.

mod accept;
mod serve;

mod problem;
mod refusals;

pub mod guards;
pub mod trace;

pub mod json;
mod preconditions;
mod read_body;

mod keys;

mod events;

pub use keys::{ANONYMOUS, ApiKeys, Caller, KeysError, NewKey, must_be_name};
pub use preconditions::{Preconditions, etag};
pub use problem::{FieldProblem, Kind, Problem, ProblemBody, ProblemKind};
pub use read_body::read_body;
pub use refusals::{BodyRefusals, ChangeRefusals};
pub use serve::{Bounds, serve_until};
