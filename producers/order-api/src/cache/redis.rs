//! Answers that replicas share, in Redis. No reader waits for it longer than moments: a Redis that
//! doesn't answer is left alone until it does.

use std::{fmt, sync::Arc, time::Duration};

use ::redis::{AsyncCommands as _, Client, IntoConnectionInfo as _, SetExpiry, SetOptions};
use axum::body::Bytes;
use tokio::{sync::Semaphore, time::timeout};

use super::{FRESH, link::Link};

/// Longest that a reader waits for it.
const PATIENCE: Duration = Duration::from_millis(50);
/// Entries on their way to it; more aren't sent.
const MOST_ON_THE_WAY: usize = 256;
/// Larger answers are history's alone.
const LARGEST: usize = 256 * 1024;
/// Bytes before an answer: the time that was looked at before it was asked for.
const TIME: usize = 8;

/// A Redis that replicas share. Cheap to clone; clones are one.
#[derive(Clone)]
pub struct Redis(Arc<Shared>);

struct Shared {
    link: Link,
    prefix: String,
    room: Arc<Semaphore>,
}

/// A time of Redis' clock.
#[derive(Clone, Copy)]
pub(super) struct RedisTime {
    millis: u64,
}

/// The url can't be used. Doesn't repeat it: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("the url of Redis: {0}")]
pub struct RedisError(String);

impl Redis {
    /// At `redis://[user:password@]host:port[/database]`; `prefix` goes before every key, so that
    /// several platforms share one. Connects when a service keeps it, and not before.
    pub fn new(url: &str, prefix: &str) -> Result<Self, RedisError> {
        let invalid = |why: &str| RedisError(why.to_owned());
        if !url.starts_with("redis://") && !url.starts_with("rediss://") {
            return Err(invalid("it begins with redis://"));
        }
        let unusable = |_| invalid("give redis://[user:password@]host:port[/database]");
        let info = url.into_connection_info().map_err(unusable)?;
        let client = Client::open(info)
            .map_err(|_| invalid("this build has no TLS to Redis: give a redis:// url"))?;
        let room = Arc::new(Semaphore::new(MOST_ON_THE_WAY));
        Ok(Self(Arc::new(Shared { link: Link::to(client), prefix: prefix.to_owned(), room })))
    }

    /// What is kept of an order; or, where nothing is that is fresh, what time it is there: before whoever
    /// asks next asks anybody else. `None`: it is away.
    pub(super) async fn look(&self, id: &str, whose: &str) -> Option<Result<Bytes, RedisTime>> {
        let mut connection = self.0.link.connection()?;
        let key = self.key(id, whose);
        let looked = timeout(PATIENCE, async {
            let mut asked = ::redis::pipe();
            asked.get(&key).cmd("TIME");
            asked.query_async::<(Option<Vec<u8>>, (u64, u64))>(&mut connection).await
        });
        match looked.await {
            Ok(Ok((kept, (seconds, micros)))) => {
                let now = RedisTime { millis: seconds * 1_000 + micros / 1_000 };
                Some(kept.and_then(|kept| fresh(&Bytes::from(kept), now)).ok_or(now))
            }
            Ok(Err(error)) => self.0.link.failed(&error.to_string()),
            Err(_) => self.0.link.failed("it doesn't answer in time"),
        }
    }

    /// Keeps an answer that was asked for after `since`, until it is too old. Nobody waits for that.
    pub(super) fn keep(&self, id: &str, whose: &str, body: &Bytes, since: RedisTime) {
        let Some(mut connection) = self.0.link.connection() else { return };
        let Ok(room) = Arc::clone(&self.0.room).try_acquire_owned() else { return };
        if body.len() > LARGEST {
            return;
        }
        let (redis, key, entry) = (self.clone(), self.key(id, whose), entry(since, body));
        let fresh = u64::try_from(FRESH.as_millis()).unwrap_or_default();
        // By its own clock: whenever it takes it, and however long that lies there, it ends then.
        let ends = SetExpiry::PXAT(since.millis + fresh);
        tokio::spawn(async move {
            let options = SetOptions::default().with_expiration(ends);
            let kept = connection.set_options::<_, _, ()>(key, &entry[..], options);
            match timeout(PATIENCE, kept).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => drop(redis.0.link.failed::<()>(&error.to_string())),
                Err(_) => drop(redis.0.link.failed::<()>("it doesn't answer in time")),
            }
            drop(room);
        });
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.0.link.trouble()
    }

    pub(super) async fn keep_connected(&self) {
        self.0.link.keep_connected().await;
    }

    /// Ids and callers have no colon. Another form of entries has another name: replicas of two versions
    /// don't read each other's.
    fn key(&self, id: &str, whose: &str) -> String {
        format!("{}order-api:order-since:{id}:{whose}", self.0.prefix)
    }
}

fn entry(since: RedisTime, body: &[u8]) -> Vec<u8> {
    [&since.millis.to_be_bytes()[..], body].concat()
}

/// The answer of an entry that isn't too old, nor from a time that hasn't come: where its clock was set back,
/// Redis keeps an entry for longer than it is good.
fn fresh(entry: &Bytes, now: RedisTime) -> Option<Bytes> {
    let since = u64::from_be_bytes(*entry.first_chunk::<TIME>()?);
    let age = Duration::from_millis(now.millis.checked_sub(since)?);
    (age < FRESH).then(|| entry.slice(TIME..))
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("prefix", &self.0.prefix).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_being_repeated() {
        for url in ["localhost:6379", "http://me:hunter2@host", "redis://me:hunter2@host:x", ""] {
            let refused = Redis::new(url, "").unwrap_err().to_string();
            assert!(refused.contains("redis://") && !refused.contains("hunter2"), "{refused}");
        }
        let redis = Redis::new("redis://me:hunter2@host:6379/2", "mine.").unwrap();
        assert!(!format!("{redis:?}").contains("hunter2"));
        assert_eq!(redis.key("o-1", "ada"), "mine.order-api:order-since:o-1:ada");
    }

    #[test]
    fn an_entry_that_outlived_its_time_by_a_clock_that_was_set_back_is_not_taken() {
        let at = |millis| RedisTime { millis };
        let kept = Bytes::from(entry(at(10_000), b"{}"));
        for now in [10_000, 10_899] {
            assert_eq!(fresh(&kept, at(now)).as_deref(), Some(&b"{}"[..]), "{now}");
        }
        for now in [0, 9_100, 9_999, 10_900, u64::MAX] {
            assert_eq!(fresh(&kept, at(now)), None, "{now}");
        }
        assert_eq!(fresh(&Bytes::from_static(b"{}"), at(10_000)), None);
    }
}
