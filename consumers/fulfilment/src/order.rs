//! An order on its way: each step gives the statuses to tell, in the order's own sequence.
//!
//! Pure: no clock, no database; what happens when is the callers'.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use orderly_schemas::{
    OrderCancellationRefused, OrderCancelled, OrderCompleted, OrderConfirmed, OrderRefunded,
    OrderRejected, ReadyForPickup, StageCompleted, StageQueued, StageStarted,
};
use orderly_sdk::EventId;
use rust_decimal::Decimal;

use crate::order_row::{InLine, OrderRow, State};

#[cfg(test)]
pub(crate) mod tests;

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
    StageQueued(StageQueued),
    StageStarted(StageStarted),
    StageCompleted(StageCompleted),
    Ready(ReadyForPickup),
    Completed(OrderCompleted),
    Cancelled(OrderCancelled),
    CancellationRefused(OrderCancellationRefused),
    Refunded(OrderRefunded),
}

impl OrderRow {
    /// It is taken on. Preparation begins once the time to cancel it, `grace`, is over and what is
    /// paid by card is captured.
    pub(crate) fn confirm(&mut self, at: DateTime<Utc>, grace: Duration) -> Vec<Told> {
        let ready_at = Some(after(at, grace.saturating_add(self.stages.total())));
        let (order_id, sequence, caused_by) = self.next();
        let confirmed = OrderConfirmed {
            order_id,
            sequence,
            caused_by,
            ready_at,
            discounts: self.discounts.clone(),
            to_pay: Some(self.to_pay),
        };
        let mut told = vec![Told { at, status: Status::Confirmed(confirmed) }];
        if grace.is_zero() {
            told.extend(self.end_grace(at));
        } else {
            self.state = State::Confirmed;
            self.ends_at = Some(after(at, grace));
        }
        told
    }

    /// It can't be made.
    pub(crate) fn reject(&mut self, reason: &str, at: DateTime<Utc>) -> Vec<Told> {
        self.end_as(State::Rejected);
        let (order_id, sequence, caused_by) = self.next();
        let reason = reason.to_owned();
        let rejected = OrderRejected { order_id, sequence, caused_by, reason };
        vec![Told { at, status: Status::Rejected(rejected) }]
    }

    /// Whether it can still be cancelled; if not, why, fit for the customer.
    pub(crate) fn can_be_cancelled(&self) -> Result<(), &'static str> {
        match self.state {
            State::AwaitingPayment | State::Confirmed | State::Capturing | State::Cancelled => {
                Ok(())
            }
            // Its first stage, and nobody has begun with it.
            State::Arriving | State::InLine if self.stage == 0 => Ok(()),
            State::Arriving | State::InLine | State::InStage => Err("it is being prepared"),
            State::Ready => Err("it is ready for pickup"),
            State::Completed => Err("it was collected"),
            State::Rejected => Err("it was rejected"),
        }
    }

    /// `cause` asked for it, in time.
    pub(crate) fn cancel(&mut self, reason: &str, cause: EventId, at: DateTime<Utc>) -> Vec<Told> {
        self.end_as(State::Cancelled);
        let (order_id, sequence, _) = self.next();
        let (caused_by, reason) = (cause.to_string(), reason.to_owned());
        let cancelled = OrderCancelled { order_id, sequence, caused_by, reason };
        vec![Told { at, status: Status::Cancelled(cancelled) }]
    }

    /// `cause` asked for it, too late. The order goes on as it was.
    pub(crate) fn refuse_cancellation(
        &mut self,
        reason: &str,
        cause: EventId,
        at: DateTime<Utc>,
    ) -> Vec<Told> {
        let (order_id, sequence, _) = self.next();
        let (caused_by, reason) = (cause.to_string(), reason.to_owned());
        let refused = OrderCancellationRefused { order_id, sequence, caused_by, reason };
        vec![Told { at, status: Status::CancellationRefused(refused) }]
    }

    /// Money went back, because of `cause`.
    pub(crate) fn refund(&mut self, amount: Decimal, cause: &str, at: DateTime<Utc>) -> Vec<Told> {
        let (order_id, sequence, _) = self.next();
        let (caused_by, currency) = (cause.to_owned(), self.currency.clone());
        let refunded = OrderRefunded { order_id, sequence, caused_by, amount, currency };
        vec![Told { at, status: Status::Refunded(refunded) }]
    }

    /// What was set for `ends_at` has come: the time to cancel is over, or its stage.
    pub(crate) fn walk_on(&mut self) -> Vec<Told> {
        let Some(at) = self.ends_at else { return Vec::new() };
        match self.state {
            State::Confirmed => self.end_grace(at),
            State::Arriving => vec![self.begin_stage(at, None)],
            State::InStage => self.end_stage(at),
            _ => {
                self.ends_at = None;
                Vec::new()
            }
        }
    }

    /// What is paid by card is taken first; else preparation begins.
    fn end_grace(&mut self, at: DateTime<Utc>) -> Vec<Told> {
        if self.is_paid_by_card {
            self.state = State::Capturing;
            self.ends_at = None;
            return Vec::new();
        }
        self.prepare(at)
    }

    /// Nothing is left to wait for: it comes to its first stage.
    pub(crate) fn prepare(&mut self, at: DateTime<Utc>) -> Vec<Told> {
        self.stage = 0;
        self.come_to_stage(at).into_iter().collect()
    }

    /// Its stage ended, at the time that was set for it; it comes to the next one, or is ready.
    fn end_stage(&mut self, at: DateTime<Utc>) -> Vec<Told> {
        let mut told = Vec::with_capacity(2);
        if let Some(stage) = self.stages.get(self.stage) {
            let stage = stage.name.clone();
            let (order_id, sequence, caused_by) = self.next();
            let completed = StageCompleted { order_id, sequence, caused_by, stage };
            told.push(Told { at, status: Status::StageCompleted(completed) });
        }
        self.stage += 1;
        told.extend(self.come_to_stage(at));
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

    /// A stage with room for all begins at once. At one with stations it arrives, and whoever walks
    /// the orders finds it a place or puts it in line; an order of the past takes no place.
    fn come_to_stage(&mut self, at: DateTime<Utc>) -> Option<Told> {
        let Some(stage) = self.stages.get(self.stage) else { return Some(self.be_ready(at)) };
        if stage.stations.is_some() && !self.historic {
            self.state = State::Arriving;
            self.ends_at = Some(at);
            return None;
        }
        Some(self.begin_stage(at, None))
    }

    /// Its stage begins, on that station where there are any.
    pub(crate) fn begin_stage(&mut self, at: DateTime<Utc>, station: Option<i32>) -> Told {
        let Some(stage) = self.stages.get(self.stage) else { return self.be_ready(at) };
        let (stage, ends_at) = (stage.name.clone(), after(at, stage.takes));
        self.state = State::InStage;
        (self.ends_at, self.in_line) = (Some(ends_at), None);
        let (order_id, sequence, caused_by) = self.next();
        let started = StageStarted { order_id, sequence, caused_by, stage, ends_at, station };
        Told { at, status: Status::StageStarted(started) }
    }

    /// Every place of its stage is taken: it waits, behind so many others.
    pub(crate) fn queue(&mut self, at: DateTime<Utc>, ahead: i64) -> Told {
        let stage = self.stage_name().to_owned();
        self.state = State::InLine;
        (self.ends_at, self.in_line) = (None, Some(InLine { stage: stage.clone(), since: at }));
        let (order_id, sequence, caused_by) = self.next();
        let ahead = i32::try_from(ahead).unwrap_or(i32::MAX);
        let queued = StageQueued { order_id, sequence, caused_by, stage, ahead };
        Told { at, status: Status::StageQueued(queued) }
    }

    /// The stage that it is in, or is to begin; empty behind the last.
    pub(crate) fn stage_name(&self) -> &str {
        self.stages.get(self.stage).map_or("", |stage| &stage.name)
    }

    fn be_ready(&mut self, at: DateTime<Utc>) -> Told {
        self.end_as(State::Ready);
        let (order_id, sequence, caused_by) = self.next();
        Told { at, status: Status::Ready(ReadyForPickup { order_id, sequence, caused_by }) }
    }

    fn end_as(&mut self, state: State) {
        self.state = state;
        (self.ends_at, self.in_line) = (None, None);
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
