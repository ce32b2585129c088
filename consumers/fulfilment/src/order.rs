//! An order on its way: each step gives the statuses to tell, in the order's own sequence.
//!
//! Pure: no clock, no database; what happens when is the callers'.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use orderly_schemas::{
    OrderCancellationRefused, OrderCancelled, OrderCompleted, OrderConfirmed, OrderRefunded,
    OrderRejected, ReadyForPickup, StageCompleted, StageStarted,
};
use orderly_sdk::EventId;
use rust_decimal::Decimal;

use crate::order_row::{OrderRow, State};

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
            State::InStage => Err("it is being prepared"),
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

    /// Nothing is left to wait for: the first stage begins.
    pub(crate) fn prepare(&mut self, at: DateTime<Utc>) -> Vec<Told> {
        self.stage = 0;
        vec![self.start_stage(at)]
    }

    /// Its stage ended, at the time that was set for it; the next one begins, or it is ready.
    fn end_stage(&mut self, at: DateTime<Utc>) -> Vec<Told> {
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
        self.end_as(State::Ready);
        let (order_id, sequence, caused_by) = self.next();
        Told { at, status: Status::Ready(ReadyForPickup { order_id, sequence, caused_by }) }
    }

    fn end_as(&mut self, state: State) {
        self.state = state;
        self.ends_at = None;
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
