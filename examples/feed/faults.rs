//! Breaks a timeline on purpose, to see the proof find it.

use orderly_examples::Result;
use orderly_stores::{Database, StoreError, Tx};

use crate::args::Fault;

impl Fault {
    /// Breaks it, in what `celebrity` posted on read, or a row of whoever's name begins with `tag`.
    pub async fn plant(self, database: &Database, tag: &str, celebrity: &str) -> Result {
        let mut tx = database.begin().await?;
        let done = match self {
            Self::LoseRow => tx.execute(LOSE_ROW, &[format!("{tag}-%").into()]).await?,
            Self::DoublePost => tx.execute(DOUBLE_POST, &[celebrity.into()]).await?,
            Self::SwapPosts => swap_posts(&mut tx, celebrity).await?,
        };
        tx.commit().await?;
        if done == 0 { Err("there was nothing to break".into()) } else { Ok(()) }
    }
}

const LOSE_ROW: &str = "
    DELETE FROM feed_timelines WHERE (reader, posted_at, author) IN (
        SELECT reader, posted_at, author FROM feed_timelines WHERE reader LIKE $1 LIMIT 1)";

const DOUBLE_POST: &str = "
    INSERT INTO feed_posts (author, posted_at, post_id, text, on_write)
    SELECT author, MAX(posted_at) + 1, MAX(post_id), MAX(text), on_write
    FROM feed_posts WHERE author = $1 AND on_write = FALSE GROUP BY author, on_write";

/// The last two.
async fn swap_posts(tx: &mut Tx, author: &str) -> Result<u64, StoreError> {
    let last = tx.query(LAST_TWO, &[author.into()]).await?;
    let mut swapped = 0;
    for (there, other) in last.iter().zip(last.iter().rev()) {
        let (at, id): (i64, String) = (there.get(0)?, other.get(1)?);
        swapped += tx.execute(RENAME, &[author.into(), at.into(), id.into()]).await?;
    }
    Ok(swapped)
}

const LAST_TWO: &str = "
    SELECT posted_at, post_id FROM feed_posts WHERE author = $1 AND on_write = FALSE
    ORDER BY posted_at DESC LIMIT 2";

const RENAME: &str = "UPDATE feed_posts SET post_id = $3 WHERE author = $1 AND posted_at = $2";
