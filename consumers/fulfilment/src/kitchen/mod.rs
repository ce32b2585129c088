//! Who stands at which station, who waits in line, and what happens next: in the order of time, the
//! first who came first.
//!
//! What is configured counts for who gets a place; whoever leaves one frees it, whatever this member is
//! configured for. Places and lines lie in tables. Who walks the orders locks the places first, so that one at a time
//! gives them away; nobody else touches them. What happened while nobody looked is done as if in time:
//! a place that was free since three has its next order since three.

mod floor;
mod hours;
mod place_row;
#[cfg(test)]
mod tests;

pub(crate) use floor::Floor;
pub(crate) use hours::{Hours, Passed};
pub(crate) use place_row::PlaceRow;
