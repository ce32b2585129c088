//! The loop of one channel: takes what is due, has it sent, keeps what came of it. What ended is told in
//! the transaction that keeps it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use metrics::counter;
use orderly_schemas::{Channel, DeliveryOutcome, NotificationSent};
use orderly_sdk::{
    EventId, Health, Meta, away,
    codec::{EncodeError, Encoders},
};
use orderly_stores::{Database, StoreError, outbox};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    outcome::{Again, Outcome, Wait},
    places::{Pauses, Places},
    rows::{Delivery, State, channel_word},
};
use crate::{deliver::Sender, tables, templates::one_line};

/// How often the table is looked at.
const TICK: Duration = Duration::from_millis(50);
/// After a look in vain it is let be for so many times as long as that took.
const LOOK_PART: u32 = 10;
/// Wait after the database was away.
const BACKOFF: Duration = Duration::from_secs(1);
/// Between two tries to keep what came of an attempt.
const KEEP_AGAIN: Duration = Duration::from_millis(500);
/// A lease is so much longer than an attempt may take.
const SPARE: Duration = Duration::from_secs(15);

/// What carries out one channel's deliveries.
pub(crate) struct Carrier {
    pub(crate) database: Database,
    pub(crate) encoders: Encoders,
    pub(crate) channel: Channel,
    pub(crate) sender: Sender,
    pub(crate) pauses: Pauses,
    /// When a webhook is tried: the waits before each attempt.
    pub(crate) schedule: Arc<[Duration]>,
}

/// Who was asked is back: without an answer?
struct Back {
    place: String,
    away: Option<String>,
}

/// Until `shutdown`, then until what is on its way is answered. A part that is away is waited for.
pub(crate) async fn carry_out_until(carrier: Carrier, health: Health, shutdown: CancellationToken) {
    let carrier = Arc::new(carrier);
    let mut places = Places::new(carrier.sender.bounds(), carrier.pauses);
    let (mut on_the_way, mut database_away, mut part_away) = (JoinSet::new(), None, None);
    while !shutdown.is_cancelled() {
        let looked = Instant::now();
        let wait = match carrier.take(&places).await {
            Ok(taken) => {
                database_away = None;
                // What lies due for places that are spared is looked past: that may take a while, and
                // takes no more than a part of the database's time.
                let wait = match taken.is_empty() {
                    true => TICK.max(looked.elapsed() * LOOK_PART),
                    false => Duration::ZERO,
                };
                for delivery in taken {
                    places.taken(&delivery.place);
                    let carrier = Arc::clone(&carrier);
                    on_the_way.spawn(async move { carrier.carry_out(delivery).await });
                }
                wait
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "deliveries wait");
                database_away = away(&error).map(|part| health.away(part.part, &part.message));
                BACKOFF
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            // There may be room, and something new that is due at once.
            Some(Ok(Back { place, away })) = on_the_way.join_next(), if !on_the_way.is_empty() => {
                places.done(&place, away.is_some(), Instant::now());
                if let Some(part) = carrier.sender.part() {
                    part_away = away.map(|why| health.away(part, &why));
                }
            }
            () = tokio::time::sleep(wait) => {}
        }
    }
    while on_the_way.join_next().await.is_some() {}
    drop((database_away, part_away));
}

impl Carrier {
    async fn take(&self, places: &Places) -> Result<Vec<Delivery>, StoreError> {
        let (turn, now) = (places.turn(Instant::now()), Utc::now());
        if turn.most == 0 || !Delivery::are_due(&self.database, self.channel, &turn, now).await? {
            return Ok(Vec::new());
        }
        let mut tx = self.database.begin().await?;
        let lease = self.sender.patience() + SPARE;
        let taken = Delivery::take(&mut tx, self.channel, &turn, lease, now).await?;
        tx.commit().await?;
        Ok(taken)
    }

    async fn carry_out(&self, mut delivery: Delivery) -> Back {
        let place = delivery.place.clone();
        let outcome = match self.attempt(&delivery).await {
            Ok(outcome) => outcome,
            Err(error) => {
                // Nothing was sent: its lease runs out, and it is taken again.
                tracing::warn!(
                    order_id = delivery.order_id,
                    error = &error as &dyn std::error::Error,
                    "a delivery waits"
                );
                return Back { place, away: None };
            }
        };
        let away = match &outcome {
            Outcome::Again(again) if again.is_away => Some(again.answer.clone()),
            _ => None,
        };
        let ended = self.decide(&mut delivery, outcome, Utc::now());
        // What is not kept is sent a second time: worth some tries, while nobody else has it.
        let give_up = Instant::now() + SPARE;
        while let Err(error) = self.keep(&delivery, ended.as_ref()).await {
            let is_over = Instant::now() > give_up;
            tracing::warn!(
                order_id = delivery.order_id,
                error = &error as &dyn std::error::Error,
                is_over,
                "what came of a delivery can't be kept"
            );
            if is_over {
                break;
            }
            tokio::time::sleep(KEEP_AGAIN).await;
        }
        Back { place, away }
    }

    async fn attempt(&self, delivery: &Delivery) -> Result<Outcome, StoreError> {
        let Some(destination) = delivery.destination.as_deref() else {
            return Ok(Outcome::failed("the order's contact was deleted"));
        };
        let caller = delivery.caller.as_deref();
        if self.channel == Channel::Webhook
            && tables::is_gone(&self.database, caller, destination).await?
        {
            return Ok(Outcome::failed("the address wants nothing more: it answered 410"));
        }
        Ok(self.sender.send(delivery, destination).await)
    }

    /// What is to be kept, and told if it ended.
    fn decide(
        &self,
        delivery: &mut Delivery,
        outcome: Outcome,
        now: DateTime<Utc>,
    ) -> Option<Ended> {
        let (state, detail, is_gone) = match outcome {
            Outcome::Sent(answer) => {
                delivery.answer = answer.map(|answer| one_line(&answer));
                (State::Sent, None, false)
            }
            Outcome::Failed { answer, detail, is_gone } => {
                delivery.answer = Some(one_line(&answer));
                (State::Failed, Some(one_line(&detail)), is_gone)
            }
            Outcome::Again(Again { answer, wait, .. }) => {
                delivery.answer = Some(one_line(&answer));
                match self.next(delivery, wait, now) {
                    Some(due_at) => {
                        delivery.due_at = Some(due_at);
                        return None;
                    }
                    None => {
                        let why = format!("given up after {} attempts", delivery.attempts);
                        delivery.answer = Some(one_line(&format!("{why}: {answer}")));
                        (State::Failed, Some(why), false)
                    }
                }
            }
        };
        (delivery.state, delivery.due_at, delivery.ended_at) = (state, None, Some(now));
        Some(Ended { detail, is_gone })
    }

    /// When it is tried again; `None`: not any more.
    fn next(
        &self,
        delivery: &mut Delivery,
        wait: Wait,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let doubled = |first: Duration, most: Duration| {
            let times = u32::try_from(delivery.attempts.clamp(1, 20) - 1).unwrap_or(0);
            first.saturating_mul(1 << times).min(most)
        };
        let wait = match wait {
            // The place itself is let be for as long.
            Wait::UntilBack => self.pauses.first,
            Wait::PutOff(asked, patience) => {
                let since = *delivery.put_off_since.get_or_insert(now);
                if (now - since).to_std().unwrap_or_default() >= patience {
                    return None;
                }
                asked.unwrap_or_else(|| doubled(self.pauses.first, LONGEST_PUT_OFF)).min(MOST_ASKED)
            }
            Wait::Scheduled(asked) => {
                let nth = usize::try_from(delivery.attempts).unwrap_or(usize::MAX);
                let scheduled = jittered(*self.schedule.get(nth)?, &delivery.delivery_id, nth);
                scheduled.max(asked.unwrap_or_default().min(MOST_ASKED))
            }
        };
        Some(now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX))
    }

    async fn keep(&self, delivery: &Delivery, ended: Option<&Ended>) -> Result<(), KeepError> {
        let mut tx = self.database.begin().await?;
        if !delivery.keep(&mut tx).await? {
            // It took so long that somebody else has it.
            return Ok(());
        }
        if let Some(ended) = ended {
            let event = delivery.told(ended);
            let source = self.encoders.source();
            let id = EventId::derived(&["NotificationSent", &delivery.delivery_id]);
            let meta = Meta { id, ..Meta::new(source) };
            outbox::insert(&mut tx, &[self.encoders.record(&event, &meta)?]).await?;
            if ended.is_gone
                && let Some(url) = &delivery.destination
            {
                tables::keep_gone(&mut tx, delivery.caller.as_deref(), url, Utc::now()).await?;
            }
        }
        tx.commit().await?;
        if ended.is_some() {
            let outcome = if delivery.state == State::Sent { "sent" } else { "failed" };
            counter!(
                "orderly_notifications_total",
                "channel" => channel_word(delivery.channel),
                "template" => delivery.template.clone(),
                "outcome" => outcome
            )
            .increment(1);
        }
        Ok(())
    }
}

/// Longest pause between two tries of what the other side puts off.
const LONGEST_PUT_OFF: Duration = Duration::from_secs(60);
/// Longest that the other side may have us wait.
const MOST_ASKED: Duration = Duration::from_secs(24 * 60 * 60);

/// It will not be tried again.
struct Ended {
    /// Without anything personal.
    detail: Option<String>,
    is_gone: bool,
}

impl Delivery {
    fn told(&self, ended: &Ended) -> NotificationSent {
        NotificationSent {
            order_id: self.order_id.clone(),
            caused_by: self.event_id.clone(),
            channel: self.channel,
            template: self.template.clone(),
            outcome: match self.state {
                State::Sent => DeliveryOutcome::Sent,
                _ => DeliveryOutcome::Failed,
            },
            detail: ended.detail.clone(),
        }
    }
}

/// A fifth more or less, the same for the same attempt: so that what failed together doesn't come back
/// together.
fn jittered(wait: Duration, delivery_id: &str, nth: usize) -> Duration {
    let hash = EventId::derived(&["jitter", delivery_id, &nth.to_string()]).to_string();
    let part = u32::from_str_radix(hash.get(..4).unwrap_or("0"), 16).unwrap_or(0) % 401;
    wait * (800 + part) / 1_000
}

#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_a_fifth_at_most_and_spreads() {
        let wait = Duration::from_secs(100);
        let waits: Vec<_> =
            (0..200).map(|n| jittered(wait, &format!("d-{n}"), 1).as_secs()).collect();
        assert!(waits.iter().all(|wait| (80..=120).contains(wait)), "{waits:?}");
        assert!(waits.iter().any(|wait| *wait < 85) && waits.iter().any(|wait| *wait > 115));
        assert_eq!(jittered(Duration::ZERO, "d", 0), Duration::ZERO);
    }
}
