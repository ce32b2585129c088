//! Lets the users of a world post and follow, many at a time, in three acts.

use futures::{StreamExt as _, TryStreamExt as _, stream, try_join};
use orderly_examples::Result;

use crate::{
    client::Client,
    kept::Kept,
    world::{CELEBRITY, Pair, World},
};

/// Users who act at once.
const AT_ONCE: usize = 64;

/// Plays a world on a feed.
pub struct Generator<'a> {
    pub world: &'a World,
    pub client: &'a Client,
    pub kept: &'a Kept,
}

impl Generator<'_> {
    /// Follows, then the first posts; until fan-out has put one of the first user's into timelines.
    pub async fn first_act(&self) -> Result {
        let World { steady, fickle, .. } = self.world;
        let pairs = steady.iter().chain(fickle);
        all(pairs.map(|pair| self.follow(*pair))).await?;
        self.kept.until_follows(self.world.name(CELEBRITY), 1).await?;
        self.post(0).await?;
        self.kept.until_posted_on_write(self.world.name(CELEBRITY)).await
    }

    /// Some become celebrities while everybody posts and some change their minds.
    pub async fn second_act(&self) -> Result {
        let late = all(self.world.late.iter().map(|pair| self.follow(*pair)));
        let fickle = all(self.world.fickle.iter().enumerate().map(|it| self.waver(it)));
        try_join!(late, fickle, self.post(1))?;
        Ok(())
    }

    /// The last posts, once fan-out knows that the first user is a celebrity.
    pub async fn third_act(&self, celebrity_at: i64) -> Result {
        self.kept.until_follows(self.world.name(CELEBRITY), celebrity_at + 1).await?;
        self.post(2).await
    }

    async fn follow(&self, (follower, author): Pair) -> Result {
        self.client.follow(self.world.name(follower), self.world.name(author)).await
    }

    async fn waver(&self, (nth, pair): (usize, &Pair)) -> Result {
        let (follower, author) = (self.world.name(pair.0), self.world.name(pair.1));
        self.client.unfollow(follower, author).await?;
        if nth % 2 == 0 { self.client.follow(follower, author).await } else { Ok(()) }
    }

    /// One third of all posts: each user one after the other, the users side by side.
    async fn post(&self, third: usize) -> Result {
        all((0..self.world.users.len()).map(|author| self.post_all_of(author, third))).await
    }

    async fn post_all_of(&self, author: usize, third: usize) -> Result {
        let name = self.world.name(author);
        for post_id in post_ids(self.world, author, third) {
            self.client.post(name, &post_id, &format!("{name} says {post_id}")).await?;
        }
        Ok(())
    }
}

/// What a user posts in a third of the run, in order.
pub fn post_ids(world: &World, author: usize, third: usize) -> impl Iterator<Item = String> {
    (0..world.posts[author][third]).map(move |nth| format!("{third}.{nth}"))
}

async fn all<F: Future<Output = Result>>(acts: impl Iterator<Item = F>) -> Result {
    stream::iter(acts).buffer_unordered(AT_ONCE).try_collect().await
}
