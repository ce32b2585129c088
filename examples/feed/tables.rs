//! What the group keeps. Times are milliseconds since 1970 UTC.

use orderly_stores::{Database, Inbox, Migration, StoreError};

/// Makes the tables of the feed and of the inbox where they are missing.
pub async fn prepare(database: &Database) -> Result<(), StoreError> {
    Inbox::new(database.clone()).prepare().await?;
    database.migrate("feed", MIGRATIONS).await
}

/// Puts posts that go on write into the timelines of those who followed when they were posted; which
/// posts `p`, or whose follows `f`, is for the caller to add.
pub const INTO_TIMELINES: &str = "
    INSERT INTO feed_timelines (reader, posted_at, author)
    SELECT f.follower, p.posted_at, p.author
    FROM feed_posts p JOIN feed_follows f ON f.author = p.author
    WHERE p.on_write = TRUE AND f.followed_at <= p.posted_at
        AND (f.unfollowed_at IS NULL OR f.unfollowed_at > p.posted_at)";

const MIGRATIONS: &[Migration] = &[Migration {
    name: "create the feed",
    sql: "CREATE TABLE feed_authors (
              author TEXT PRIMARY KEY,
              followers BIGINT NOT NULL,
              last_posted_at BIGINT NOT NULL,
              last_on_read BIGINT NOT NULL
          );
          CREATE TABLE feed_posts (
              author TEXT NOT NULL,
              posted_at BIGINT NOT NULL,
              post_id TEXT NOT NULL,
              text TEXT NOT NULL,
              on_write BOOLEAN NOT NULL,
              PRIMARY KEY (author, posted_at)
          );
          CREATE INDEX feed_posts_by_way ON feed_posts (author, on_write, posted_at);
          CREATE TABLE feed_follows (
              follower TEXT NOT NULL,
              author TEXT NOT NULL,
              followed_at BIGINT NOT NULL,
              unfollowed_at BIGINT,
              PRIMARY KEY (follower, author, followed_at)
          );
          CREATE INDEX feed_followers ON feed_follows (author, unfollowed_at);
          CREATE TABLE feed_timelines (
              reader TEXT NOT NULL,
              posted_at BIGINT NOT NULL,
              author TEXT NOT NULL,
              PRIMARY KEY (reader, posted_at, author)
          )",
}];
