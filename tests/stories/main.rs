//! End-to-end stories on embedded parts.
#![allow(clippy::unwrap_used)]

mod an_order;
mod imports;
mod layout;
mod poison;
mod proof;
