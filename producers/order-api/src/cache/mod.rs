//! What `GET /orders/{id}` answers, for moments: many readers of an order are one question to history.
//!
//! An answer shows the order as history had it at most a second before the request came. Ages count
//! from before history was asked, so what is slow only makes them shorter. In this process that is by
//! its own clock; in Redis an entry ends at a time of Redis' clock, which was looked at before history
//! was asked: neither the clocks of replicas matter, nor how late Redis takes an entry, nor how long it
//! was down. That time is kept with the entry, and who reads it looks at the clock again: where it was set
//! back, an entry of a time that hasn't come isn't taken. What isn't known, and what failed, is kept by nobody.
//!
//! Without Redis, and while it is away, each process has its own ([`Shelf`]).

mod link;
mod redis;
mod shelf;

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;
use futures::FutureExt as _;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::redis::{Redis, RedisError};
use self::shelf::{Asked, Shelf};
use crate::{
    caller::Caller,
    events::{self, ReadFrom},
    history::{History, HistoryError, OrderDetails},
};

/// An answer that is as old isn't given any more. A little less than what is promised.
pub(super) const FRESH: Duration = Duration::from_millis(900);

/// What readers share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct OrderCache {
    shelf: Arc<Shelf>,
    redis: Option<Redis>,
    history: History,
}

/// What is answered, as it goes out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) body: Bytes,
    /// Of the body: another one is another version.
    pub(crate) version: String,
}

impl Shown {
    fn of(body: Bytes) -> Self {
        let version = hex::encode(&Sha256::digest(&body)[..12]);
        Self { body, version }
    }
}

/// An answer for all who wait for it.
pub(crate) type Found = Result<Option<Arc<Shown>>, Arc<HistoryError>>;

impl OrderCache {
    pub(crate) fn new(
        history: History,
        redis: Option<Redis>,
        entries: usize,
        bytes: usize,
    ) -> Self {
        Self { shelf: Arc::new(Shelf::new(entries, bytes)), redis, history }
    }

    /// An order as the caller may see it.
    pub(crate) async fn order(&self, id: &str, caller: &Caller) -> Found {
        let now = Instant::now();
        let whose = caller.sees_only().unwrap_or_default();
        let asked = self.shelf.take_or_ask(id, whose, now, |number| {
            let (cache, id, caller) = (self.clone(), id.to_owned(), caller.clone());
            // Whoever waits drives it on: it ends with the last of them.
            async move { cache.ask(&id, &caller, number).await }.boxed().shared()
        });
        if matches!(asked, Asked::Before(_)) {
            events::order_read(ReadFrom::Memory);
        }
        let (Asked::Before(answer) | Asked::Now(answer)) = asked;
        answer.await
    }

    /// What was asked of an order before isn't answered any more: something happened to it.
    pub(crate) fn forget(&self, id: &str) {
        self.shelf.forget(id);
    }

    /// What is wrong with Redis, where there is one.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.redis.as_ref().and_then(Redis::trouble)
    }

    /// Keeps the way to Redis open, until shutdown.
    pub(crate) async fn keep_until(self, shutdown: CancellationToken) {
        if let Some(redis) = &self.redis {
            shutdown.run_until_cancelled(redis.keep_connected()).await;
        }
    }

    async fn ask(&self, id: &str, caller: &Caller, number: u64) -> Found {
        let whose = caller.sees_only().unwrap_or_default();
        let looked = match &self.redis {
            Some(redis) => redis.look(id, whose).await,
            None => None,
        };
        if let Some(Ok(body)) = looked {
            events::order_read(ReadFrom::Redis);
            // Nobody knows here how old it is: only who waits for it now shares it.
            self.shelf.drop_answer(id, number);
            return Ok(Some(Arc::new(Shown::of(body))));
        }
        events::order_read(ReadFrom::History);
        let found = self.history.order(id, caller).await.map_err(Arc::new);
        let shown = found.map(|order| order.and_then(|order| show(&order)));
        match &shown {
            Ok(Some(shown)) => {
                self.shelf.keep_answer(id, whose, number, shown.body.len());
                if let (Some(redis), Some(Err(time))) = (&self.redis, looked) {
                    redis.keep(id, whose, &shown.body, time);
                }
            }
            Ok(None) | Err(_) => self.shelf.drop_answer(id, number),
        }
        shown
    }
}

/// It was read from JSON, so it can be written as JSON.
fn show(order: &OrderDetails) -> Option<Arc<Shown>> {
    serde_json::to_vec(order).ok().map(|body| Arc::new(Shown::of(body.into())))
}
