//! An author's row is held until the transaction ends: of a post and a follow of one author, one sees
//! the other, also where two members take them at once.

use orderly_stores::{StoreError, Tx};

/// What is known of an author.
pub struct Author {
    /// Who follows now.
    pub followers: i64,
    /// Where the last post stands; 0 before the first.
    pub last_posted_at: i64,
}

/// The author's row, made if this is the first that is heard of them.
pub async fn hold(tx: &mut Tx, author: &str) -> Result<Author, StoreError> {
    tx.execute(MAKE, &[author.into()]).await?;
    let row = tx.query_opt(HOLD, &[author.into()]).await?;
    let numbers = row.map(|row| Ok::<_, StoreError>((row.get(0)?, row.get(1)?))).transpose()?;
    let (followers, last_posted_at) = numbers.unwrap_or_default();
    Ok(Author { followers, last_posted_at })
}

const MAKE: &str = "
    INSERT INTO feed_authors (author, followers, last_posted_at, last_on_read) VALUES ($1, 0, 0, 0)
    ON CONFLICT DO NOTHING";

const HOLD: &str =
    "SELECT followers, last_posted_at FROM feed_authors WHERE author = $1 {for_update}";
