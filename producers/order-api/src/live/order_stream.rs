//! One client's stream of one order.

use std::{convert::Infallible, time::Duration};

use axum::response::sse::Event;
use futures::Stream;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{Live, Place, follow::Turns, joined::Joined, subscription::Subscription};
use crate::{
    caller::Caller,
    events::{self, Streamed},
    history::{History, KeptEvents},
};

/// Between two questions to history, while it hasn't read as far as we.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const MOST_PAUSE: Duration = Duration::from_secs(1);
/// When a client is to come again after an end that isn't its fault.
const COME_AGAIN: Duration = Duration::from_millis(500);

const ENDING: &str = "the service is ending: go on at another, by Last-Event-ID";
const OLD: &str = "a stream ends after some time: go on by Last-Event-ID";
const CUT_OFF: &str = "cut off: too much wasn't taken in time, go on by Last-Event-ID";
const AWAY: &str = "the order history can't be reached: waiting for it";
const BEHIND: &str = "the order history hasn't read up to now: waiting for it";
const LIVE: &str = "up to now: from here on as it happens";
const UNKNOWN: &str = "no such order is known";

/// What a stream begins with.
pub(crate) struct Start {
    pub(crate) order_id: String,
    pub(crate) caller: Caller,
    pub(crate) history: History,
    /// What was told before.
    pub(crate) place: Place,
    /// What history has kept; `None`: it is away.
    pub(crate) kept: Option<KeptEvents>,
    pub(crate) shutdown: CancellationToken,
}

/// Told until it ends: by shutdown, after some time, or when the client doesn't take it.
pub(crate) struct OrderStream {
    start: Start,
    turns: Turns,
    subscription: Subscription,
    partitions: [i32; 2],
    joined: Joined,
    /// How far history had read.
    read_to: Option<[i64; 2]>,
    has_caught_up: bool,
    asks_at: Instant,
    pause: Duration,
    said: &'static str,
    ends_at: Instant,
    is_over: bool,
    _streamed: Streamed,
    _room: OwnedSemaphorePermit,
}

impl OrderStream {
    pub(super) fn new(
        live: &Live,
        mut start: Start,
        subscription: Subscription,
        room: OwnedSemaphorePermit,
    ) -> Self {
        let mut joined = Joined::from(start.place.clone());
        let read_to = start.kept.as_ref().map(KeptEvents::read_to);
        if let Some(kept) = start.kept.take() {
            joined.take_kept(kept.events);
        }
        let now = Instant::now();
        Self {
            partitions: live.partitions_of(&start.order_id),
            turns: live.turns(),
            start,
            subscription,
            joined,
            read_to,
            has_caught_up: false,
            asks_at: now,
            pause: FIRST_PAUSE,
            said: "",
            ends_at: now + live.bounds().longest,
            is_over: false,
            _streamed: Streamed::begin("order"),
            _room: room,
        }
    }

    pub(crate) fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        futures::stream::unfold(self, |mut stream| async move {
            stream.next().await.map(|event| (Ok(event), stream))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.joined.next() {
                events::streamed("order");
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            let (shutdown, held_until) = (self.start.shutdown.clone(), self.joined.held_until());
            let said = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Some(self.over(ENDING)),
                () = sleep_until(self.ends_at) => return Some(self.over(OLD)),
                () = until(held_until) => None,
                said = self.step() => said,
            };
            if let Some(said) = said.filter(|said| *said != self.said) {
                self.said = said;
                return Some(Event::default().comment(said));
            }
        }
    }

    fn over(&mut self, why: &str) -> Event {
        self.is_over = true;
        Event::default().comment(why).retry(COME_AGAIN)
    }

    /// One thing more is known then. May be dropped at any time.
    async fn step(&mut self) -> Option<&'static str> {
        if self.has_caught_up {
            return match self.subscription.next().await {
                Some(happening) => {
                    self.joined.take(happening);
                    None
                }
                None => {
                    self.is_over = true;
                    Some(CUT_OFF)
                }
            };
        }
        if let Some(read_to) = self.read_to {
            let since = self.subscription.since().await;
            if read_to.iter().zip(since).all(|(read_to, since)| *read_to >= since) {
                self.has_caught_up = true;
                return Some(LIVE);
            }
        }
        sleep_until(self.asks_at).await;
        self.ask().await
    }

    async fn ask(&mut self) -> Option<&'static str> {
        let Start { history, order_id, caller, .. } = &self.start;
        let asked = {
            let _turn = self.turns.acquire().await;
            history.events(order_id, caller, self.partitions).await
        };
        self.asks_at = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(MOST_PAUSE);
        match asked {
            Ok(Some(kept)) => {
                let is_behind = self.read_to.is_some() && self.pause == MOST_PAUSE;
                self.read_to = Some(kept.read_to());
                self.joined.take_kept(kept.events);
                is_behind.then_some(BEHIND)
            }
            // It was away when the stream began, and now says so.
            Ok(None) => {
                self.is_over = true;
                Some(UNKNOWN)
            }
            Err(_) => Some(AWAY),
        }
    }
}

/// For ever, where there is no such time.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
