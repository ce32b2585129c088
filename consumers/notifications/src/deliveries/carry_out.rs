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
    consume::Failure,
};
use orderly_stores::{Database, StoreError, outbox};
use tokio::{sync::RwLock, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    outcome::{Again, Heard, Outcome, Wait},
    places::{Pauses, Places},
    rows::{Delivery, State, channel_word},
};
use crate::{
    deliver::Sender, find_contact::Contacts, preferences::Preferences, tables, templates::one_line,
};

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
/// Until it is looked again where one goes of which that isn't known yet.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Longest that it is looked at a time.
const LONGEST_LOOK: Duration = Duration::from_secs(5);
/// What became of what its user doesn't want any more.
const OPTED_OUT: &str = "opted out";

/// What carries out one channel's deliveries.
pub(crate) struct Carrier {
    pub(crate) database: Database,
    pub(crate) encoders: Encoders,
    pub(crate) channel: Channel,
    pub(crate) sender: Sender,
    pub(crate) preferences: Arc<Preferences>,
    pub(crate) contacts: Arc<Contacts>,
    /// Read-locked for each answer that waits for a database that is away.
    pub(crate) keeping: RwLock<()>,
    pub(crate) pauses: Pauses,
    /// When a webhook is tried: the waits before each attempt.
    pub(crate) schedule: Arc<[Duration]>,
}

/// Who was asked is back.
struct Back {
    place: String,
    heard: Heard,
}

/// Until `shutdown`, then until what is on its way is answered. A part that is away is waited for.
pub(crate) async fn carry_out_until(carrier: Carrier, health: Health, shutdown: CancellationToken) {
    let carrier = Arc::new(carrier);
    let mut places = Places::new(carrier.sender.bounds(), carrier.pauses);
    let (mut on_the_way, mut database_away, mut part_away) = (JoinSet::new(), None, None);
    if carrier.channel != Channel::Webhook {
        shutdown.run_until_cancelled(carrier.preferences.read_once()).await;
    }
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
                    let shutdown = shutdown.clone();
                    on_the_way.spawn(async move { carrier.carry_out(delivery, &shutdown).await });
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
            Some(Ok(Back { place, heard })) = on_the_way.join_next(), if !on_the_way.is_empty() => {
                places.done(&place, &heard, Instant::now());
                if let Some(part) = carrier.sender.part() {
                    match heard {
                        Heard::Answer => part_away = None,
                        Heard::Nothing(why) => part_away = Some(health.away(part, &why)),
                        Heard::NotAsked => {}
                    }
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
        // What was answered while the database was away may be due by now: it is kept first.
        if self.keeping.try_write().is_err() {
            return Ok(Vec::new());
        }
        let mut tx = self.database.begin().await?;
        let lease = self.sender.patience() + SPARE;
        let taken = Delivery::take(&mut tx, self.channel, &turn, lease, now).await?;
        tx.commit().await?;
        Ok(taken)
    }

    async fn carry_out(&self, mut delivery: Delivery, shutdown: &CancellationToken) -> Back {
        let place = delivery.place.clone();
        let (outcome, was_asked) = match self.where_to(&delivery).await {
            Ok(Ok(destination)) => (self.sender.send(&delivery, destination).await, true),
            Ok(Err(why)) => (Outcome::failed(why), false),
            Err(why) => {
                self.put_back(&delivery, &why).await;
                return Back { place, heard: Heard::NotAsked };
            }
        };
        let heard = match &outcome {
            _ if !was_asked => Heard::NotAsked,
            Outcome::Again(again) if again.is_away => Heard::Nothing(again.answer.clone()),
            _ => Heard::Answer,
        };
        let ended = self.decide(&mut delivery, outcome, Utc::now());
        self.keep_at_last(&delivery, ended.as_ref(), shutdown).await;
        Back { place, heard }
    }

    /// Nobody was asked: it is taken again soon, and that was no attempt.
    async fn put_back(&self, delivery: &Delivery, why: &Failure) {
        tracing::debug!(order_id = delivery.order_id, %why, "a delivery waits");
        if let Err(error) = delivery.put_back(&self.database, Utc::now() + LOOK_AGAIN).await {
            // Its lease runs out.
            let error = &error as &dyn std::error::Error;
            tracing::warn!(order_id = delivery.order_id, error, "a delivery waits");
        }
    }

    /// Where it goes, or why it ends without being sent. Fails where that can't be said now, within a time
    /// that leaves its lease enough to send it.
    async fn where_to<'d>(
        &self,
        delivery: &'d Delivery,
    ) -> Result<Result<&'d str, &'static str>, Failure> {
        let Some(destination) = delivery.destination.as_deref() else {
            return match timeout(LONGEST_LOOK, self.is_given_again(delivery)).await?? {
                // Its row has it by now.
                true => Err(Failure::not_yet("the order's contact was given again")),
                false => Ok(Err("the order's contact was deleted")),
            };
        };
        if let Some(user_id) = &delivery.user_id
            && !self.preferences.allow(user_id, self.channel)
        {
            return Ok(Err(OPTED_OUT));
        }
        let caller = delivery.caller.as_deref();
        if self.channel == Channel::Webhook
            && tables::is_gone(&self.database, caller, destination).await?
        {
            return Ok(Err("the address wants nothing more: it answered 410"));
        }
        Ok(Ok(destination))
    }

    /// Whether the contact that was deleted is there again: where an order failed and was tried once more,
    /// both lie before the status that this tells of, and may be heard of behind it.
    async fn is_given_again(&self, delivery: &Delivery) -> Result<bool, Failure> {
        // Each waits for itself.
        let waiting = EventId::derived(&["contact", &delivery.delivery_id]);
        let contact = self.contacts.of(&delivery.order_id, waiting).await?;
        Ok(contact.is_some_and(|contact| contact.by(self.channel).is_some()))
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

    /// What is not kept is sent a second time. So a database that is away is waited for, unless the
    /// service ends; whatever else is wrong is worth some tries. It is over, too, once somebody else has it.
    async fn keep_at_last(
        &self,
        delivery: &Delivery,
        ended: Option<&Ended>,
        shutdown: &CancellationToken,
    ) {
        let (mut waited, mut in_vain_since, mut is_told) = (None, Instant::now(), false);
        while let Err(error) = self.keep(delivery, ended).await {
            let is_away = away(&error).is_some();
            if is_away && !shutdown.is_cancelled() {
                in_vain_since = Instant::now();
            }
            let is_over = in_vain_since.elapsed() > SPARE;
            if is_over || !is_told {
                tracing::warn!(
                    order_id = delivery.order_id,
                    error = &error as &dyn std::error::Error,
                    is_over,
                    "what came of a delivery can't be kept"
                );
                is_told = true;
            }
            if is_over {
                break;
            }
            if is_away && waited.is_none() {
                waited = Some(self.keeping.read().await);
            }
            tokio::time::sleep(KEEP_AGAIN).await;
        }
        drop(waited);
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
        if let Some(ended) = ended {
            let detail = ended.detail.as_deref();
            let outcome = match delivery.state {
                State::Sent => "sent",
                _ if detail == Some(OPTED_OUT) => "opted_out",
                _ => "failed",
            };
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
pub(crate) fn jittered(wait: Duration, delivery_id: &str, nth: usize) -> Duration {
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
