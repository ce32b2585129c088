//! A page of a timeline: the rows that fan-out wrote, merged with what those whom many follow posted.

use std::fmt;

use orderly_stores::{Database, Row, StoreError, Value};
use serde::{Deserialize, Serialize};

/// Most posts of a page.
pub const LONGEST_PAGE: usize = 100;

/// A post in a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Who posted it.
    pub author: String,
    /// Which of theirs it is.
    pub post_id: String,
    /// What they said.
    pub text: String,
    /// When, in milliseconds since 1970 UTC; of two of one author never the same.
    pub posted_at: i64,
}

/// Some of a timeline, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The posts.
    pub posts: Vec<Post>,
    /// To be given as `before` for the next page; none behind the last.
    pub next: Option<String>,
}

/// Where a page ended: posts before it come next.
#[derive(Clone, Debug)]
pub struct Cursor {
    posted_at: i64,
    author: String,
}

impl Cursor {
    /// What a page said in `next`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (posted_at, author) = text.split_once('-')?;
        Some(Self { posted_at: posted_at.parse().ok()?, author: author.to_owned() })
    }

    fn newest() -> Self {
        Self { posted_at: i64::MAX, author: String::new() }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.posted_at, self.author)
    }
}

/// At most `limit` posts of `reader`'s timeline, from before `before`. It shows what fan-out has taken
/// so far: a post that is taken later stands where its time puts it.
pub async fn page(
    database: &Database,
    reader: &str,
    before: Option<&Cursor>,
    limit: usize,
) -> Result<Page, StoreError> {
    let newest = Cursor::newest();
    let before = before.unwrap_or(&newest);
    let limit = limit.clamp(1, LONGEST_PAGE);
    // One more than is shown says whether there is a next page.
    let most = Value::from(i64::try_from(limit).unwrap_or_default() + 1);
    let end = [before.posted_at.into(), before.author.as_str().into()];
    let [at, author] = end.clone();
    let mut rows = database.query(ON_WRITE, &[reader.into(), at, author, most.clone()]).await?;
    // A query for each, as each ends at its limit: one for all would sort what they ever posted.
    for followed in database.query(FOLLOWED_ON_READ, &[reader.into(), end[0].clone()]).await? {
        let (author, since): (String, i64) = (followed.get(0)?, followed.get(1)?);
        let until: Option<i64> = followed.get(2)?;
        let [at, before_author] = end.clone();
        let until = until.unwrap_or(i64::MAX).into();
        let values =
            [author.into(), false.into(), since.into(), until, at, before_author, most.clone()];
        rows.extend(database.query(ON_READ, &values).await?);
    }
    let mut posts = rows.iter().map(post).collect::<Result<Vec<_>, _>>()?;
    posts.sort_unstable_by(|a, b| (b.posted_at, &b.author).cmp(&(a.posted_at, &a.author)));
    let has_more = posts.len() > limit;
    posts.truncate(limit);
    let last = posts.last().filter(|_| has_more);
    let next = last.map(|post| Cursor { posted_at: post.posted_at, author: post.author.clone() });
    Ok(Page { next: next.map(|cursor| cursor.to_string()), posts })
}

fn post(row: &Row) -> Result<Post, StoreError> {
    let (author, posted_at) = (row.get(0)?, row.get(1)?);
    Ok(Post { author, posted_at, post_id: row.get(2)?, text: row.get(3)? })
}

const ON_WRITE: &str = "
    SELECT p.author, p.posted_at, p.post_id, p.text
    FROM feed_timelines t
    JOIN feed_posts p ON p.author = t.author AND p.posted_at = t.posted_at
    WHERE t.reader = $1 AND (t.posted_at, t.author) < ($2, $3)
    ORDER BY t.posted_at DESC, t.author DESC LIMIT $4";

const FOLLOWED_ON_READ: &str = "
    SELECT f.author, f.followed_at, f.unfollowed_at
    FROM feed_follows f JOIN feed_authors a ON a.author = f.author
    WHERE f.follower = $1 AND f.followed_at <= a.last_on_read AND f.followed_at <= $2";

const ON_READ: &str = "
    SELECT author, posted_at, post_id, text FROM feed_posts
    WHERE author = $1 AND on_write = $2 AND posted_at >= $3 AND posted_at < $4
        AND (posted_at, author) < ($5, $6)
    ORDER BY posted_at DESC LIMIT $7";
