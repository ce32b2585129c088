#![doc = include_str!("../README.md")]

mod ledger;
mod ledger_text;
mod retry;

mod at_once;
mod core;
mod failing;
mod keys;
mod parked;
mod partition;
mod passed;
mod redrive;
mod tries;
mod work;

#[cfg(feature = "faults")]
mod faults;

pub use self::{
    at_once::{AtOnce, Ticket},
    core::{Bounds, Core, Settings},
    ledger::{Ledger, Position, Taken},
    ledger_text::MOST_TEXT,
    parked::{Epoch, Key, Mark, Marks, ParkedKey, PassedOver, Whose},
    partition::{Beginning, Commit, Room, Stuck},
    retry::{Decision, Exhausted, RetryPolicy},
    work::{Assignment, Effect, Failed, Lane, Letter, Record, Report, Run, RunEnd, SlotId, Unit},
};

#[cfg(feature = "faults")]
pub use faults::Fault;
