//! Asks systems that aren't ours over HTTP, with TLS where their address says `https`.
//!
//! - [`Trust`]: whose word counts for who a server is.
//! - [`Client`]: one request and its answer, bounded in time and size, and what is known where there is
//!   none. No redirect is followed, and no proxy is taken from the environment.
//! - [`Client::outward`]: the same for addresses that strangers gave, of which only public ones are asked,
//!   and those that are [`Allowed`].
//!
//! Its TLS is in every build. The feature `tls` is another matter: that is OpenSSL, for Kafka and the
//! registry.

mod client;
mod connect;
mod outward;
mod trust;

#[cfg(test)]
mod strangers;

pub use client::{Answer, AskError, Bounds, Client};
pub use outward::{Allowed, AllowedError};
pub use trust::{Trust, TrustError};
