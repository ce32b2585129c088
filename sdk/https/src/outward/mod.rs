//! Addresses that strangers gave: which of them may be asked.

mod allowed;
mod connect;
mod destination;
mod public;

pub use allowed::{Allowed, AllowedError};
pub(crate) use connect::Guarded;
pub(crate) use destination::{Destination, RefusedAddress};
