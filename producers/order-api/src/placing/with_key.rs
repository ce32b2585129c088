//! With an Idempotency-Key: requests with one key and one body are one order.

use orderly_schemas::OrderLine;
use orderly_sdk::{EventId, Meta, faults};
use orderly_stores::StoreError;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio::time::{Duration, Instant, timeout_at};

use super::{
    Asked, Pauses, Placing, Reply, accepted,
    attempt::{Attempt, Outcome},
    outcome,
};
use crate::{
    caller::Caller,
    events,
    idempotency::{Claim, Claimed, IdempotencyKey},
    order::{Order, Prices},
    problem::{Kind, Problem},
};

/// Longest that the answer waits for the record to be changed.
const RECORD_WITHIN: Duration = Duration::from_secs(1);
/// Longest that this is tried behind the answer, or until the lease ends.
const RECORD_BEHIND: Duration = Duration::from_secs(5);

/// An order and the key it came with.
pub(super) struct Keyed {
    caller: Caller,
    key: IdempotencyKey,
    hash: String,
    ids: Ids,
    order: Order,
    total: Decimal,
    /// Why it can't be priced now; then its lines and total are of no use.
    unpriced: Option<Problem>,
    meta: Meta,
}

/// An order's prices, as they are kept with its key.
#[derive(Serialize)]
struct Priced<'a> {
    lines: &'a [OrderLine],
    total: Decimal,
}

/// The same, read back.
#[derive(Deserialize)]
struct KeptPrices {
    lines: Vec<OrderLine>,
    total: Decimal,
}

/// What the order and its events are called, in every attempt.
struct Ids {
    order: String,
    placed: EventId,
    contact: EventId,
}

impl Keyed {
    pub(super) fn new(
        caller: Caller,
        key: IdempotencyKey,
        mut order: Order,
        prices: &Prices,
        meta: Meta,
    ) -> Self {
        let hash = order.hash();
        let (total, unpriced) = match order.price(prices) {
            Ok(total) => (total, None),
            Err(problem) => (Decimal::ZERO, Some(problem)),
        };
        let derive = |what: &str| {
            EventId::derived(&["order-api", what, caller.as_str(), key.as_str(), &hash])
        };
        let ids = Ids {
            order: derive("order").to_string(),
            placed: derive("OrderPlaced"),
            contact: derive("ContactGiven"),
        };
        Self { caller, key, hash, ids, order, total, unpriced, meta }
    }

    pub(super) fn order_id(&self) -> &str {
        &self.ids.order
    }

    /// Its prices as text; `None` where it has none now.
    fn priced(&self) -> Option<String> {
        let priced = Priced { lines: &self.order.lines, total: self.total };
        // Strings and integers under fixed names: it can't fail.
        self.unpriced.is_none().then(|| serde_json::to_string(&priced).unwrap_or_default())
    }

    /// Takes the prices that an earlier attempt had, if there was one.
    fn keep_to(&mut self, claim: &Claim) -> Result<(), serde_json::Error> {
        if claim.in_doubt
            && let Some(priced) = &claim.priced
        {
            let kept: KeptPrices = serde_json::from_str(priced)?;
            (self.order.lines, self.total) = (kept.lines, kept.total);
        }
        Ok(())
    }

    /// The same in every attempt, its time included; only the trace is the request's own.
    fn attempt(self, claim: &Claim) -> Attempt {
        let meta = self.meta.at(claim.first);
        let is_other = claim.in_doubt && faults::is_planted(faults::NEW_ID_AT_RETRY);
        let placed = if is_other { EventId::new() } else { self.ids.placed };
        let (contact, order) = self.order.into_events(&self.ids.order, &self.caller, self.total);
        Attempt {
            contact: contact.map(|c| (c, Meta { id: self.ids.contact, ..meta.clone() })),
            order: (order, Meta { id: placed, ..meta }),
        }
    }
}

impl Placing {
    /// Claims the key, emits, answers, and leaves the record as it has to be.
    pub(super) async fn with_key(self, mut keyed: Keyed, deadline: Instant, asked: Asked) {
        let claim = match self.claim(&mut keyed, deadline).await {
            Ok(claim) => claim,
            Err(reply) => return answer(asked, reply),
        };
        if let Err(error) = keyed.keep_to(&claim) {
            let order_id = keyed.order_id();
            let reply = Err(away(order_id, &format!("the order kept with a key: {error}")));
            let settle = Settle { placing: &self, order_id, deadline };
            return settle.and_answer(asked, reply, || self.records.doubt(&claim)).await;
        }
        let attempt = keyed.attempt(&claim);
        let outcome = attempt.emit(&self.emitter, self.last_call(deadline)).await;
        let settle = Settle { placing: &self, order_id: attempt.order_id(), deadline };
        match outcome {
            Outcome::Written(receipt) => {
                faults::point(faults::ORDER_ACKNOWLEDGED, None, &receipt.at);
                let accepted = accepted::answer(attempt.order_id(), &receipt);
                // Accepted it is, whether the record can be changed or not.
                let reply = Ok(Reply::Accepted(accepted.clone()));
                settle.and_answer(asked, reply, || self.records.finish(&claim, &accepted)).await;
            }
            Outcome::Unknown { why } => {
                let reply = Err(outcome::unknown(attempt.order_id(), true, &why));
                settle.and_answer(asked, reply, || self.records.doubt(&claim)).await;
            }
            // An earlier attempt may be there, with its contact.
            Outcome::NotWritten { why, .. } if claim.in_doubt => {
                let reply = Err(outcome::unknown(attempt.order_id(), true, &why));
                settle.and_answer(asked, reply, || self.records.release(&claim)).await;
            }
            Outcome::NotWritten { why, is_final, contact_lies: false } => {
                let reply = Err(outcome::not_written(attempt.order_id(), &why, is_final));
                settle.and_answer(asked, reply, || self.records.release(&claim)).await;
            }
            Outcome::NotWritten { why, is_final, contact_lies: true } => {
                // Answered first: deleting may take as long as emitting did. Released last: the
                // tombstone must not meet the contact of the next attempt.
                answer(asked, Err(outcome::not_written(attempt.order_id(), &why, is_final)));
                self.erase_claimed_contact(attempt.order_id(), &claim).await;
                settle.behind(|| self.records.release(&claim)).await;
            }
        }
    }

    /// The claim, or what to answer without one.
    async fn claim(
        &self,
        keyed: &mut Keyed,
        deadline: Instant,
    ) -> Result<Claim, Result<Reply, Problem>> {
        let priced = keyed.priced();
        let unpriced = keyed.unpriced.take();
        let order_id = keyed.order_id();
        let lease = deadline.saturating_duration_since(Instant::now());
        let claiming =
            self.records.claim(&keyed.caller, &keyed.key, &keyed.hash, lease, priced.as_deref());
        // Half of what is left, so that there is time to emit.
        match timeout_at(Instant::now() + lease / 2, claiming).await {
            Ok(Ok(Claimed::Ours(claim))) => Ok(claim),
            Ok(Ok(Claimed::Finished(answer))) => Err(Ok(Reply::Replayed(answer))),
            Ok(Ok(Claimed::InFlight(left))) => Err(Err(in_flight(order_id, left))),
            Ok(Ok(Claimed::OtherBody)) => Err(Err(reused())),
            Ok(Ok(Claimed::Unpriced)) => {
                Err(Err(unpriced.unwrap_or_else(|| self.no_claim(order_id, "no price to keep"))))
            }
            Ok(Err(error)) => Err(Err(self.no_claim(order_id, &error.to_string()))),
            Err(_) => Err(Err(self.no_claim(order_id, "claiming a key took too long"))),
        }
    }

    fn no_claim(&self, order_id: &str, why: &str) -> Problem {
        self.records.note_failure();
        away(order_id, why)
    }

    /// Deletes the contact unless a later attempt, whose contact it is now, took over; lets none
    /// do so meanwhile.
    async fn erase_claimed_contact(&self, order_id: &str, claim: &Claim) {
        match self.records.hold(claim, self.deadline * 2).await {
            Ok(true) => self.erase_contact(order_id, Instant::now() + self.deadline).await,
            Ok(false) => {}
            Err(error) => events::contact_left(order_id, &error.to_string()),
        }
    }
}

/// Changing the record of one order when its outcome is there.
struct Settle<'a> {
    placing: &'a Placing,
    order_id: &'a str,
    deadline: Instant,
}

impl Settle<'_> {
    /// Changes the record and answers; where the database is slow or away, answers first.
    async fn and_answer<F>(
        &self,
        asked: Asked,
        reply: Result<Reply, Problem>,
        change: impl Fn() -> F,
    ) where
        F: Future<Output = Result<(), StoreError>>,
    {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let patience = Instant::now() + RECORD_WITHIN.min(left / 2);
        let first_try = timeout_at(patience, change()).await;
        answer(asked, reply);
        if !matches!(first_try, Ok(Ok(()))) {
            self.behind(change).await;
        }
    }

    /// Changes the record; tries for a while.
    async fn behind<F>(&self, change: impl Fn() -> F)
    where
        F: Future<Output = Result<(), StoreError>>,
    {
        let until = self.deadline.max(Instant::now() + RECORD_BEHIND);
        let mut pauses = Pauses::new();
        loop {
            let Err(error) = change().await else {
                return;
            };
            if !pauses.next(until, &self.placing.closing).await {
                return events::answer_not_kept(self.order_id, &error);
            }
        }
    }
}

/// Gives the answer; where the caller is gone, nobody hears it.
fn answer(asked: Asked, reply: Result<Reply, Problem>) {
    let _ = asked.send(reply);
}

fn in_flight(order_id: &str, left: Duration) -> Problem {
    let detail = "A request with this Idempotency-Key is being worked on. Try again when it is \
                  over; the answer will be its answer.";
    let seconds = u64::from(left.subsec_nanos() > 0) + left.as_secs();
    Problem::new(Kind::OrderInFlight, detail).about(order_id).retry_after(seconds.max(1))
}

fn reused() -> Problem {
    let message = "stands for another order already";
    let detail = "This Idempotency-Key came with another body before. Repeat exactly that body, \
                  or use a new key for a new order.";
    Problem::new(Kind::IdempotencyKeyReused, detail).at("Idempotency-Key", message)
}

fn away(order_id: &str, why: &str) -> Problem {
    let detail = "What an Idempotency-Key stands for can't be looked up now. Nothing was ordered. \
                  Try again in a moment.";
    Problem::new(Kind::DatabaseAway, detail).about(order_id).retry_after(1).because(why)
}
