//! What is to be sent, one row for each event, channel and destination: written by the handlers, carried
//! out by a loop for each channel that looks for what is due. Nothing of it is in memory: what is taken
//! is due again after its lease, so another process goes on after a kill.

mod carry_out;
mod measure;
mod outcome;
mod places;
mod rows;

pub(crate) use carry_out::{Carrier, carry_out_until, jittered};
pub(crate) use measure::measure_until;
pub(crate) use outcome::{Again, Outcome, Wait};
pub(crate) use places::{Bounds, Pauses, place_of};
pub(crate) use rows::{Delivery, State, channel_of, channel_word, insert};
