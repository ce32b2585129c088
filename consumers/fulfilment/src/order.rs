//! An order on its way: each step gives the statuses to tell, in the order's own sequence.
//!
//! Pure: no clock, no database; what happens when is the callers'.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use orderly_schemas::{
    OrderCompleted, OrderConfirmed, OrderRejected, ReadyForPickup, StageCompleted, StageStarted,
};
use orderly_sdk::EventId;

use crate::tables::{OrderRow, State};

#[cfg(test)]
mod tests;

/// A status with when it came to be.
pub(crate) struct Told {
    pub(crate) at: DateTime<Utc>,
    pub(crate) status: Status,
}

/// What can be told of an order.
#[derive(Debug)]
pub(crate) enum Status {
    Confirmed(OrderConfirmed),
    Rejected(OrderRejected),
    StageStarted(StageStarted),
    StageCompleted(StageCompleted),
    Ready(ReadyForPickup),
    Completed(OrderCompleted),
}

impl OrderRow {
    /// It is taken on, and its first stage begins.
    pub(crate) fn confirm(&mut self, at: DateTime<Utc>) -> Vec<Told> {
        let ready_at = Some(after(at, self.stages.total()));
        let (order_id, sequence, caused_by) = self.next();
        let confirmed = OrderConfirmed { order_id, sequence, caused_by, ready_at };
        let mut told = vec![Told { at, status: Status::Confirmed(confirmed) }];
        self.stage = 0;
        told.push(self.start_stage(at));
        told
    }

    /// It can't be made.
    pub(crate) fn reject(&mut self, reason: &str, at: DateTime<Utc>) -> Vec<Told> {
        self.state = State::Rejected;
        self.ends_at = None;
        let (order_id, sequence, caused_by) = self.next();
        let reason = reason.to_owned();
        let rejected = OrderRejected { order_id, sequence, caused_by, reason };
        vec![Told { at, status: Status::Rejected(rejected) }]
    }

    /// Its stage ended, at the time that was set for it; the next one begins, or it is ready.
    pub(crate) fn end_stage(&mut self) -> Vec<Told> {
        let Some(at) = self.ends_at else { return Vec::new() };
        let mut told = Vec::with_capacity(2);
        if let Some(stage) = self.stages.get(self.stage) {
            let stage = stage.name.clone();
            let (order_id, sequence, caused_by) = self.next();
            let completed = StageCompleted { order_id, sequence, caused_by, stage };
            told.push(Told { at, status: Status::StageCompleted(completed) });
        }
        self.stage += 1;
        told.push(self.start_stage(at));
        told
    }

    /// The customer has it: `collected` said so.
    pub(crate) fn complete(&mut self, collected: EventId, at: DateTime<Utc>) -> Vec<Told> {
        self.state = State::Completed;
        let (order_id, sequence, _) = self.next();
        let caused_by = collected.to_string();
        let completed = OrderCompleted { order_id, sequence, caused_by };
        vec![Told { at, status: Status::Completed(completed) }]
    }

    fn start_stage(&mut self, at: DateTime<Utc>) -> Told {
        let Some(stage) = self.stages.get(self.stage) else { return self.be_ready(at) };
        let (stage, ends_at) = (stage.name.clone(), after(at, stage.takes));
        self.state = State::InStage;
        self.ends_at = Some(ends_at);
        let (order_id, sequence, caused_by) = self.next();
        let started = StageStarted { order_id, sequence, caused_by, stage, ends_at };
        Told { at, status: Status::StageStarted(started) }
    }

    fn be_ready(&mut self, at: DateTime<Utc>) -> Told {
        self.state = State::Ready;
        self.ends_at = None;
        let (order_id, sequence, caused_by) = self.next();
        Told { at, status: Status::Ready(ReadyForPickup { order_id, sequence, caused_by }) }
    }

    /// What every status begins with; its number is used up.
    fn next(&mut self) -> (String, i64, String) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        (self.order_id.clone(), sequence, self.placed_event_id.clone())
    }
}

/// The end of time, where a foreign producer stamped an order so late.
fn after(at: DateTime<Utc>, takes: Duration) -> DateTime<Utc> {
    let takes = TimeDelta::from_std(takes).unwrap_or(TimeDelta::MAX);
    at.checked_add_signed(takes).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
