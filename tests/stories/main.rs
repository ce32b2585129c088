//! End-to-end stories on embedded parts.
#![allow(clippy::unwrap_used)]

mod an_order;
mod deleting;
mod followed;
mod imports;
mod layout;
mod messages;
mod pages;
mod parts_away;
mod poison;
mod proof;
mod shop;
mod spike;
