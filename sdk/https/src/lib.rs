//! Asks systems that aren't ours over HTTP, with TLS where their address says `https`.
//!
//! - [`Trust`]: whose word counts for who a server is.
//! - [`Client`]: one request and its answer, bounded in time and size, and what is known where there is
//!   none. No redirect is followed, and no proxy is taken from the environment.
//!
//! Its TLS is in every build. The feature `tls` is another matter: that is OpenSSL, for Kafka and the
//! registry.

mod client;
mod connect;
mod trust;

pub use client::{Answer, AskError, Bounds, Client};
pub use trust::{Trust, TrustError};
