//! How far fan-out is, as its tables and the group's offsets say.

use std::time::{Duration, Instant};

use orderly_examples::Result;
use orderly_sdk::{Config, Event as _, kafka::Probe};
use orderly_stores::{Database, Value};

use crate::{fan_out::GROUP, follows::Followed, posts::Posted};

/// Longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(20);

/// Looks there.
pub struct Kept {
    database: Database,
    probe: Probe,
    /// What this run's names begin with, as a pattern.
    tag: String,
}

impl Kept {
    /// Of the users whose names begin with `tag`.
    pub fn new(config: &Config, database: &Database, tag: &str) -> Result<Self> {
        let probe = Probe::of_group(config, GROUP)?;
        Ok(Self { database: database.clone(), probe, tag: format!("{tag}-%") })
    }

    /// Posts that were taken, and how many of them are merged when a timeline is read.
    pub async fn posts(&self) -> Result<(i64, i64)> {
        let sql = "SELECT COUNT(*), COUNT(CASE WHEN on_write THEN NULL ELSE 1 END)
                   FROM feed_posts WHERE author LIKE $1";
        let row = self.database.query_opt(sql, &[self.tag.as_str().into()]).await?;
        let row = row.ok_or("a count of nothing")?;
        Ok((row.get(0)?, row.get(1)?))
    }

    /// Of one author: how many went into timelines when they were taken, and how many didn't.
    pub async fn ways(&self, author: &str) -> Result<(i64, i64)> {
        let sql = "SELECT COUNT(CASE WHEN on_write THEN 1 END), COUNT(*)
                   FROM feed_posts WHERE author = $1";
        let row = self.database.query_opt(sql, &[author.into()]).await?;
        let row = row.ok_or("a count of nothing")?;
        let (on_write, all): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok((on_write, all - on_write))
    }

    /// Waits until more than so many posts were taken.
    pub async fn until_posts_exceed(&self, many: i64) -> Result {
        self.until(format!("more than {many} posts"), async || Ok(self.posts().await?.0 > many))
            .await
    }

    /// Waits until so many are known to follow an author.
    pub async fn until_follows(&self, author: &str, many: i64) -> Result {
        let sql = "SELECT 1 FROM feed_authors WHERE author = $1 AND followers >= $2";
        let values: [Value; 2] = [author.into(), many.into()];
        self.until(format!("{many} followers of {author}"), async || {
            Ok(self.database.query_opt(sql, &values).await?.is_some())
        })
        .await
    }

    /// Waits until one of the author's posts went into timelines.
    pub async fn until_posted_on_write(&self, author: &str) -> Result {
        self.until(format!("a post of {author} in timelines"), async || {
            Ok(self.ways(author).await?.0 > 0)
        })
        .await
    }

    /// Waits until the group has done all that there is.
    pub async fn until_done(&self) -> Result {
        self.until("the end of both topics".to_owned(), async || {
            let lags = self.probe.lag(&[Posted::TOPIC, Followed::TOPIC]).await?;
            Ok(lags.iter().all(|lag| lag.records() == 0))
        })
        .await
    }

    async fn until(&self, what: String, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result {
        let end = Instant::now() + PATIENCE;
        while !holds().await? {
            if Instant::now() > end {
                return Err(format!("fan-out doesn't come to {what} within {PATIENCE:?}").into());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}
