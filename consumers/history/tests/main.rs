//! History, by its rows, its answers and its group.
#![allow(clippy::unwrap_used)]

mod parts;

mod away;
mod batches;
mod consuming;
mod folding;
mod interleaving;
mod listing;
mod restarting;
mod showing;
mod summing;
