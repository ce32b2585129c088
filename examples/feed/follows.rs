//! Followed, Unfollowed → from when to when somebody follows an author, and which of the author's posts
//! that were taken already are in their timeline.
//!
//! On `follows` the key is the follower: what somebody follows and follows no more is in order, and an
//! author whom many follow is no hot key. Topics have no order between them, so a post may be taken
//! before the follow that was before it: times decide, and what came too early is mended here.

use chrono::{DateTime, Utc};
use orderly_sdk::{
    Event,
    consume::{Failure, OrReject as _},
};
use orderly_stores::{StoreError, Tx, Value};
use serde::{Deserialize, Serialize};

use crate::{authors, tables::INTO_TIMELINES};

/// Times that one follower began to follow somebody, ended ones included: one more is rejected.
pub const MOST_FOLLOWS: i64 = 5_000;

/// Somebody follows an author.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Followed {
    /// Whose timeline it is about.
    pub follower: String,
    /// Whose posts come into it.
    pub author: String,
}

impl Event for Followed {
    const TYPE: &'static str = "feed.Followed";
    const TOPIC: &'static str = "follows";
    const SCHEMA: &'static str = include_str!("followed.v1.avsc");

    fn key(&self) -> &str {
        &self.follower
    }
}

/// Somebody follows an author no longer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unfollowed {
    /// Whose timeline it is about.
    pub follower: String,
    /// Whose posts come into it no more.
    pub author: String,
}

impl Event for Unfollowed {
    const TYPE: &'static str = "feed.Unfollowed";
    const TOPIC: &'static str = "follows";
    const SCHEMA: &'static str = include_str!("unfollowed.v1.avsc");

    fn key(&self) -> &str {
        &self.follower
    }
}

/// From `time` on the author's posts are in the follower's timeline; those of later that were taken
/// already come into it now. Who follows already goes on.
pub async fn begin(tx: &mut Tx, event: &Followed, time: DateTime<Utc>) -> Result<(), Failure> {
    authors::hold(tx, &event.author).await?;
    let pair = pair(&event.follower, &event.author);
    if since(tx, &pair).await?.is_some() {
        return Ok(());
    }
    let kept = tx.query_opt(COUNT, &pair[..1]).await?.or_reject("a count of nothing")?;
    if kept.get::<i64>(0)? >= MOST_FOLLOWS {
        return Err(Failure::reject(format_args!(
            "nobody begins to follow more than {MOST_FOLLOWS} times"
        )));
    }
    let ended = tx.query_opt(LAST_END, &pair).await?.or_reject("a maximum of nothing")?;
    let ended: Option<i64> = ended.get(0)?;
    let since = time.timestamp_millis().max(ended.unwrap_or(0));
    let [follower, author] = pair.clone();
    tx.execute(BEGIN, &[follower.clone(), author.clone(), since.into()]).await?;
    tx.execute(ONE_MORE, &pair[1..]).await?;
    let sql =
        format!("{INTO_TIMELINES} AND f.follower = $1 AND f.author = $2 AND f.followed_at = $3");
    tx.execute(&sql, &[follower, author, since.into()]).await?;
    Ok(())
}

/// From `time` on the author's posts aren't in the follower's timeline; those of later that were taken
/// already leave it. Who doesn't follow goes on.
pub async fn end(tx: &mut Tx, event: &Unfollowed, time: DateTime<Utc>) -> Result<(), StoreError> {
    authors::hold(tx, &event.author).await?;
    let pair = pair(&event.follower, &event.author);
    let Some(since) = since(tx, &pair).await? else { return Ok(()) };
    let until = time.timestamp_millis().max(since);
    let [follower, author] = pair.clone();
    tx.execute(END, &[follower.clone(), author.clone(), since.into(), until.into()]).await?;
    tx.execute(ONE_LESS, &pair[1..]).await?;
    tx.execute(OUT_OF_TIMELINE, &[follower, author, until.into()]).await?;
    Ok(())
}

fn pair(follower: &str, author: &str) -> [Value; 2] {
    [follower.into(), author.into()]
}

async fn since(tx: &mut Tx, pair: &[Value]) -> Result<Option<i64>, StoreError> {
    tx.query_opt(SINCE, pair).await?.map(|row| row.get(0)).transpose()
}

const SINCE: &str = "
    SELECT followed_at FROM feed_follows
    WHERE follower = $1 AND author = $2 AND unfollowed_at IS NULL";

const COUNT: &str = "SELECT COUNT(*) FROM feed_follows WHERE follower = $1";

const LAST_END: &str =
    "SELECT MAX(unfollowed_at) FROM feed_follows WHERE follower = $1 AND author = $2";

// The one that is there was empty: it began and ended in one millisecond.
const BEGIN: &str = "
    INSERT INTO feed_follows (follower, author, followed_at) VALUES ($1, $2, $3)
    ON CONFLICT (follower, author, followed_at) DO UPDATE SET unfollowed_at = NULL";

const END: &str = "
    UPDATE feed_follows SET unfollowed_at = $4
    WHERE follower = $1 AND author = $2 AND followed_at = $3";

const ONE_MORE: &str = "UPDATE feed_authors SET followers = followers + 1 WHERE author = $1";

const ONE_LESS: &str = "UPDATE feed_authors SET followers = followers - 1 WHERE author = $1";

const OUT_OF_TIMELINE: &str =
    "DELETE FROM feed_timelines WHERE reader = $1 AND author = $2 AND posted_at >= $3";
