//! Posted → the post is kept; of an author with few followers, in a row of each follower's timeline, too.
//!
//! On `posts` the key is the author, so each author's posts are taken in the order in which they were
//! emitted. Which way a post goes is decided once, in the transaction that takes it: it is in
//! timelines' rows or merged when one is read, and never both, whatever becomes of its author later.

use chrono::{DateTime, Utc};
use orderly_sdk::Event;
use orderly_stores::{StoreError, Tx};
use serde::{Deserialize, Serialize};

use crate::{authors, tables::INTO_TIMELINES};

/// Somebody posted something.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Posted {
    /// Who posted it.
    pub author: String,
    /// Theirs to choose, one for each of their posts.
    pub post_id: String,
    /// What they said.
    pub text: String,
}

impl Event for Posted {
    const TYPE: &'static str = "feed.Posted";
    const TOPIC: &'static str = "posts";
    const SCHEMA: &'static str = include_str!("posted.v1.avsc");

    fn key(&self) -> &str {
        &self.author
    }
}

/// Where a post stands among its author's: at its time, in milliseconds, but behind the one before it,
/// also where two have one time or a clock was set back.
pub fn stand(time: DateTime<Utc>, last: i64) -> i64 {
    time.timestamp_millis().max(last + 1)
}

/// Takes a post: in followers' timelines at once where the author has at most `celebrity_at` followers.
pub async fn take(
    tx: &mut Tx,
    post: &Posted,
    time: DateTime<Utc>,
    celebrity_at: i64,
) -> Result<(), StoreError> {
    let author = authors::hold(tx, &post.author).await?;
    let posted_at = stand(time, author.last_posted_at);
    let on_write = author.followers <= celebrity_at;
    let key = [post.author.as_str().into(), posted_at.into()];
    let [id, at] = key.clone();
    let row = [id, at, post.post_id.as_str().into(), post.text.as_str().into(), on_write.into()];
    tx.execute(INSERT, &row).await?;
    if on_write {
        tx.execute(LAST, &key).await?;
        tx.execute(&format!("{INTO_TIMELINES} AND p.author = $1 AND p.posted_at = $2"), &key)
            .await?;
    } else {
        tx.execute(LAST_ON_READ, &key).await?;
    }
    Ok(())
}

const INSERT: &str = "
    INSERT INTO feed_posts (author, posted_at, post_id, text, on_write) VALUES ($1, $2, $3, $4, $5)";

const LAST: &str = "UPDATE feed_authors SET last_posted_at = $2 WHERE author = $1";

const LAST_ON_READ: &str =
    "UPDATE feed_authors SET last_posted_at = $2, last_on_read = $2 WHERE author = $1";
