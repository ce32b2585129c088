//! One client's stream of every order's statuses, from now on.

use std::{convert::Infallible, time::Duration};

use axum::response::sse::Event;
use futures::Stream;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{Live, status::status_after, subscription::Subscription};
use crate::events::{self, Streamed};

const COME_AGAIN: Duration = Duration::from_millis(500);

pub(crate) struct KitchenStream {
    subscription: Subscription,
    shutdown: CancellationToken,
    ends_at: Instant,
    has_begun: bool,
    is_over: bool,
    _streamed: Streamed,
    _room: OwnedSemaphorePermit,
}

impl KitchenStream {
    pub(super) fn new(
        live: &Live,
        subscription: Subscription,
        shutdown: CancellationToken,
        room: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            subscription,
            shutdown,
            ends_at: Instant::now() + live.bounds().longest,
            has_begun: false,
            is_over: false,
            _streamed: Streamed::begin("kitchen"),
            _room: room,
        }
    }

    pub(crate) fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        futures::stream::unfold(self, |mut stream| async move {
            stream.next().await.map(|event| (Ok(event), stream))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        if self.is_over {
            return None;
        }
        let shutdown = self.shutdown.clone();
        let why = tokio::select! {
            biased;
            () = shutdown.cancelled() => "the service is ending",
            () = sleep_until(self.ends_at) => "a stream ends after some time",
            event = self.step() => match event {
                Some(event) => return Some(event),
                None => "cut off: too much wasn't taken in time",
            },
        };
        self.is_over = true;
        Some(Event::default().comment(why).retry(COME_AGAIN))
    }

    /// `None`: it was cut off. May be dropped at any time.
    async fn step(&mut self) -> Option<Event> {
        if !self.has_begun {
            self.subscription.since().await;
            self.has_begun = true;
            return Some(Event::default().comment("from here on"));
        }
        let happening = self.subscription.next().await?;
        events::streamed("kitchen");
        let status = status_after(&happening.entry.r#type);
        Some(happening.event(Some(&happening.order_id), status))
    }
}
